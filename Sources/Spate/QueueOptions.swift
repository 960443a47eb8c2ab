/// How a queue is opened or made.
public struct QueueOptions: Sendable {
  /// Whether the queue is made where none is.
  public var createsIfMissing = true
  /// The sequence of the first record of a new queue; for a replica that was restored from elsewhere. An
  /// existing queue keeps its own. At most 2^61.
  public var baseSequence: UInt64 = 0

  /// How long records are kept. By default what named cursors have not acknowledged, and everything without them.
  public var retention = RetentionOptions()

  /// How many bytes of segment files the queue may have, prepared ones included; nil for no bound. At the quota
  /// appends get `full` until something is trimmed. At least eight of the store's smallest segments.
  public var quotaByteCount: UInt64?

  /// How long written records may stay without a sync while nobody waits for `durable`, in nanoseconds; nil
  /// syncs each group at once.
  ///
  /// For queues that are mostly appended to at `written` or `published`: a sync is then made when somebody
  /// waits for one, and at least this often. With buffered files (``StoreOptions/fileMode``) `written` then costs little
  /// more than a copy: the thread that waits for it writes into the page cache itself.
  public var syncIntervalNanoseconds: UInt64?

  /// The defaults.
  public init() {}

  /// Throws `invalidArgument` when a value is out of range.
  func validate(smallestSegment: UInt64) throws(SpateError) {
    try retention.validate()
    guard baseSequence <= Format.maximalNumber / 2 else {
      throw SpateError(.invalidArgument, "a queue's base sequence must be at most 2^61")
    }
    guard quotaByteCount ?? .max >= 8 * smallestSegment else {
      throw SpateError(
        .invalidArgument,
        "a queue's quota must be at least \(8 * smallestSegment) bytes: eight of the smallest segments"
      )
    }
  }
}
