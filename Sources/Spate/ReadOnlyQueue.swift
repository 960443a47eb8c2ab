/// A queue of a ``ReadOnlyStore``. A handle: cheap to copy around, safe to share between threads.
public final class ReadOnlyQueue: Sendable {
  private let log: FollowedQueue
  private let follower: StoreFollower

  init(log: FollowedQueue, follower: StoreFollower) {
    self.log = log
    self.follower = follower
  }

  /// The queue's name.
  public var name: String { log.name }

  /// The sequence after the last durable record, as of a moment ago.
  public var durableSequence: UInt64 { log.watermarks.durableSequence }

  /// The sequence of the oldest record that is kept, as of a moment ago.
  public var firstSequence: UInt64 { log.catalog.first?.baseSequence ?? log.watermarks.durableSequence }

  /// What the files held, as they were read when nobody owned the store; empty while somebody does.
  public var recoveryReport: RecoveryReport { log.report }

  /// Small values by name that the queue keeps beside its records, as they are durable now. Blocks on the disk; any thread.
  ///
  /// A value that its owner set at `durable` is seen as soon as that returned; one that a power cut could still take is not.
  ///
  /// - Throws: `closed`, `busy` when the owner trims faster than it can be followed, and what the disk says.
  /// - Complexity: as opening the queue.
  public func readMetadata() throws(SpateError) -> [String: [UInt8]] {
    if let failure = log.watermarks.failure { throw failure }
    return try follower.metadata(of: log)
  }

  /// Opens a cursor on the durable records. Any thread; reads no disk. As
  /// ``Queue/cursor(from:following:batchLimit:)``.
  public func cursor(
    from start: StartPosition = .earliest,
    batchLimit: Int = 4
  ) throws(SpateError) -> Cursor {
    try Cursor(log: log, from: start, following: .durable, batchLimit: batchLimit)
  }

  /// The durable records as an asynchronous sequence of batches, endless. As
  /// ``Queue/batches(from:following:maximalCount:byteCount:batchLimit:)``.
  public func batches(
    from start: StartPosition = .earliest,
    maximalCount: Int = 1024,
    byteCount: Int = 256 << 10,
    batchLimit: Int = 4
  ) throws(SpateError) -> BatchSequence {
    try cursor(from: start, batchLimit: batchLimit).batches(maximalCount: maximalCount, byteCount: byteCount)
  }
}
