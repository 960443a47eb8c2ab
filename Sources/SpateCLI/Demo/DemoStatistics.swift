/// What the child says about itself a few times a second.
struct DemoStatistics: Equatable, Sendable {
  /// Bytes of ring memory in use, and the most there may be.
  var ringByteCount: UInt64 = 0
  var memoryBudgetByteCount: UInt64 = 0
  /// Records and bytes a commit, in the mean since the last report.
  var commitRecordCount: UInt64 = 0
  var commitByteCount: UInt64 = 0
  /// How long half of the syncs, and all but one of a hundred, took at most, since the last report; within a factor of two.
  var syncP50Nanoseconds: UInt64 = 0
  var syncP99Nanoseconds: UInt64 = 0
  /// The most memory that the process had at a time.
  var peakMemoryByteCount: UInt64 = 0
}
