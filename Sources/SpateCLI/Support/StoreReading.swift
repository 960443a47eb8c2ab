import Spate

/// A queue opened to be read, whoever owns its store.
struct StoreReading {
  private let store: ReadOnlyStore
  let queue: ReadOnlyQueue

  init(store path: String, queue name: String) throws {
    store = try ReadOnlyStore.open(at: path)
    queue = try store.queue(named: name)
  }

  /// The sequences of the durable records that are kept.
  var sequences: Range<UInt64> {
    let end = queue.durableSequence
    return min(queue.firstSequence, end)..<end
  }

  /// Closes the store.
  func close() { store.close() }
}
