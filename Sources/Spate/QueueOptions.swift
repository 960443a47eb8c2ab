/// How a queue is opened or made.
public struct QueueOptions: Sendable {
  /// Whether the queue is made where none is.
  public var createsIfMissing = true
  /// The sequence of the first record of a new queue; for a replica that was restored from elsewhere. An
  /// existing queue keeps its own.
  public var baseSequence: UInt64 = 0

  /// How many bytes of segment files to keep at most; nil keeps everything. Older whole segments are trimmed.
  public var retainedByteCount: UInt64?

  /// How long written records may stay without a sync while nobody waits for `durable`, in nanoseconds; nil
  /// syncs each group at once.
  ///
  /// For queues that are mostly appended to at `written` or `published`: a sync is then made when somebody
  /// waits for one, and at least this often.
  public var syncIntervalNanoseconds: UInt64?

  /// The defaults.
  public init() {}
}
