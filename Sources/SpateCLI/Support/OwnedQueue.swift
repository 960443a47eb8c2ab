import Spate

/// A queue that is there, opened by the owner of its store: for commands that change places.
struct OwnedQueue {
  private let store: Store
  let queue: Queue

  init(_ target: QueueArgument) throws {
    var options = StoreOptions()
    options.createsIfMissing = false
    store = try Store.open(at: target.store, options: options)
    var queueOptions = QueueOptions()
    queueOptions.createsIfMissing = false
    queue = try store.queue(named: target.queue, options: queueOptions)
  }

  /// The sequences of the durable records that are kept.
  var sequences: Range<UInt64> {
    let end = queue.durableSequence
    return min(queue.statistics.firstSequence, end)..<end
  }

  /// Closes the store, with everything durable.
  func close() throws { try store.close() }
}
