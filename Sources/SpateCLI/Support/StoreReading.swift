import Spate

/// A queue opened to be read.
struct StoreReading {
  private let store: Store
  let queue: Queue

  init(store path: String, queue name: String) throws {
    var options = StoreOptions()
    options.createsIfMissing = false
    var queueOptions = QueueOptions()
    queueOptions.createsIfMissing = false
    store = try Store.open(at: path, options: options)
    queue = try store.queue(named: name, options: queueOptions)
  }

  /// The sequences of the durable records that are kept.
  var sequences: Range<UInt64> {
    let end = queue.durableSequence
    return min(queue.statistics.firstSequence, end)..<end
  }

  /// Closes the store.
  func close() throws { try store.close() }
}
