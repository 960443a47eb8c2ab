/// What a store has done since it was opened. A value, taken at one moment; cheap enough to ask for at any
/// time.
public struct StoreStatistics: Sendable {
  /// Syncs that the medium acknowledged, light commits included.
  public var syncCount: UInt64 = 0
  /// Commits of at most 64 KiB that were one write and its own sync.
  public var lightCommitCount: UInt64 = 0
  /// Writes that did not sync themselves.
  public var writeCount: UInt64 = 0
  /// Bytes handed to the kernel, block padding and headers included.
  public var writtenByteCount: UInt64 = 0
  /// How long syncs took, from submission to acknowledgement.
  public var syncLatency = LatencyHistogram()
  /// Bytes of the memory budget.
  public var memoryBudgetByteCount = 0
  /// Bytes of buffers in use now.
  public var memoryByteCount = 0
  /// The most that was in use at a time.
  public var peakMemoryByteCount = 0
  /// Bytes of the segment files of the queues that were opened; of all queues where the store has a quota.
  public var segmentByteCount: UInt64 = 0
  /// How many queues are open.
  public var queueCount = 0

  /// Statistics of nothing.
  public init() {}
}

/// What a queue has done since it was opened. A value, taken at one moment.
public struct QueueStatistics: Sendable {
  /// Records that were published and seen by the committer.
  public var appendedCount: UInt64 = 0
  /// The sequence after the last record that the kernel has.
  public var writtenSequence: UInt64 = 0
  /// The sequence after the last record that is durable.
  public var durableSequence: UInt64 = 0
  /// The position that the log is durable up to, in bytes.
  public var durablePosition: UInt64 = 0
  /// The sequence of the oldest record that is kept.
  public var firstSequence: UInt64 = 0
  /// Bytes of ring memory in use now.
  public var ringByteCount = 0
  /// How often the durable mark moved; records a commit are `appendedCount / commitCount`.
  public var commitCount: UInt64 = 0
  /// The most records that became durable by one commit.
  public var largestCommitCount: UInt64 = 0
  /// How often an append found no room in the memory budget.
  public var backPressureCount: UInt64 = 0
  /// How long appends waited for room, summed over all threads, in nanoseconds.
  public var backPressureNanoseconds: UInt64 = 0
  /// Records that were dropped for want of room, as their callers asked.
  public var droppedCount: UInt64 = 0
  /// When the first and the last of them were dropped, ns since 1970; 0 when none was.
  public var firstDropTimestamp: UInt64 = 0
  public var lastDropTimestamp: UInt64 = 0
  /// The drops by time, oldest first: those within a second of each other are one range. The last
  /// ``droppedRangeLimit`` ranges are kept; ``droppedCount`` counts all.
  public var droppedRanges: [DroppedRange] = []
  /// Zero-copy claims that passed their deadline and were given up.
  public var expiredClaimCount: UInt64 = 0
  /// Bytes of the queue's segment files, spare ones included.
  public var segmentByteCount: UInt64 = 0
  /// How many named cursors the queue has.
  public var namedCursorCount = 0
  /// Records that were trimmed before a named cursor had acknowledged them, summed over the cursors.
  public var evictedCount: UInt64 = 0
  /// How many cursors read the queue now.
  public var cursorCount = 0
  /// How many records the cursor furthest behind has yet to read, counted to the durable end.
  public var largestCursorLag: UInt64 = 0

  /// How many ranges of drops are kept.
  public static let droppedRangeLimit = 64

  /// Statistics of nothing.
  public init() {}
}
