/// An endless asynchronous sequence of batches of a queue's records: one suspension a batch, none while there
/// are records.
///
/// It waits at the tail for new records, and when as many batches are out as may be, until one is released.
/// No thread of the cooperative pool is blocked: disk reads happen on a thread of the store's own. Cancelling
/// the task ends the sequence: the iterator returns nil, also while records are left. It throws what a cursor
/// throws, and can be asked on after `corrupt` and `ioFailed` by a new iterator: all iterators of one
/// sequence share its place, so several tasks that iterate it share its records out among them, each record
/// to one.
///
///     for try await batch in queue.batches() {
///       batch.forEach { record in use(record.payload) }
///       batch.release()
///     }
public struct BatchSequence: AsyncSequence, Sendable {
  /// A batch of records.
  public typealias Element = Batch
  /// What reading can throw.
  public typealias Failure = SpateError

  private let source: BatchSource

  init(_ source: BatchSource) { self.source = source }

  /// An iterator at the place that the sequence has reached.
  public func makeAsyncIterator() -> Iterator { Iterator(source: source) }

  /// Takes one batch after the other.
  public struct Iterator: AsyncIteratorProtocol {
    let source: BatchSource

    /// The next batch; nil when the task was cancelled. Suspends while there is none.
    public mutating func next(
      isolation actor: isolated (any Actor)? = #isolation
    ) async throws(SpateError) -> Batch? {
      try await source.next(isolation: actor)
    }
  }
}
