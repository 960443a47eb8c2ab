import Synchronization

/// The counts of one queue. Any thread may add; reading is not a consistent cut.
final class QueueCounters: Sendable {
  private let drained = Atomic<UInt64>(0)
  private let expired = Atomic<UInt64>(0)
  private let backPressure = Atomic<UInt64>(0)
  private let backPressureTime = Atomic<UInt64>(0)
  private let commits = Atomic<UInt64>(0)
  private let largestCommit = Atomic<UInt64>(0)
  private let drops = Mutex(Drops())

  private struct Drops {
    var count: UInt64 = 0
    var first: UInt64 = 0
    var ranges: [DroppedRange] = []

    mutating func add(_ records: UInt64, at timestamp: UInt64) {
      if count == 0 { first = timestamp }
      count += records
      if let last = ranges.last, timestamp < last.lastTimestamp &+ 1_000_000_000 {
        ranges[ranges.count - 1].count += records
        ranges[ranges.count - 1].lastTimestamp = max(timestamp, last.lastTimestamp)
        return
      }
      if ranges.count == QueueStatistics.droppedRangeLimit { ranges.removeFirst() }
      ranges.append(DroppedRange(count: records, firstTimestamp: timestamp, lastTimestamp: timestamp))
    }
  }

  // ORDERING: relaxed throughout: the counts order nothing.
  func countDrained(records: UInt64) { drained.wrappingAdd(records, ordering: .relaxed) }
  func countExpiredClaim() { expired.wrappingAdd(1, ordering: .relaxed) }

  func countCommit(records: UInt64) {
    commits.wrappingAdd(1, ordering: .relaxed)
    largestCommit.max(records, ordering: .relaxed)
  }

  func countBackPressure(nanoseconds: UInt64) {
    backPressure.wrappingAdd(1, ordering: .relaxed)
    backPressureTime.wrappingAdd(nanoseconds, ordering: .relaxed)
  }

  func countDrop(at timestamp: UInt64, records: UInt64) {
    drops.withLock { $0.add(records, at: timestamp) }
  }

  func fill(_ statistics: inout QueueStatistics) {
    statistics.appendedCount = drained.load(ordering: .relaxed)
    statistics.expiredClaimCount = expired.load(ordering: .relaxed)
    statistics.backPressureCount = backPressure.load(ordering: .relaxed)
    statistics.backPressureNanoseconds = backPressureTime.load(ordering: .relaxed)
    statistics.commitCount = commits.load(ordering: .relaxed)
    statistics.largestCommitCount = largestCommit.load(ordering: .relaxed)
    let drops = drops.withLock { $0 }
    statistics.droppedCount = drops.count
    statistics.firstDropTimestamp = drops.first
    statistics.lastDropTimestamp = drops.ranges.last?.lastTimestamp ?? 0
    statistics.droppedRanges = drops.ranges
  }
}
