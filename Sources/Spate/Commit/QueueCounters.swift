import Synchronization

/// The counts of one queue. Any thread may add; reading is not a consistent cut.
final class QueueCounters: Sendable {
  private let drained = Atomic<UInt64>(0)
  private let expired = Atomic<UInt64>(0)
  private let backPressure = Atomic<UInt64>(0)
  private let backPressureTime = Atomic<UInt64>(0)
  private let commits = Atomic<UInt64>(0)
  private let largestCommit = Atomic<UInt64>(0)
  private let drops = Mutex<(count: UInt64, first: UInt64, last: UInt64)>((0, 0, 0))

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
    drops.withLock { drops in
      if drops.count == 0 { drops.first = timestamp }
      drops.count += records
      drops.last = timestamp
    }
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
    statistics.lastDropTimestamp = drops.last
  }
}
