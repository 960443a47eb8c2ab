import Synchronization

/// What the committer counted, for ``StoreStatistics``. Written by the committer, read by any thread.
final class CommitStatistics: Sendable {
  private struct Counts {
    var syncs: UInt64 = 0
    var lightCommits: UInt64 = 0
    var writes: UInt64 = 0
    var byteCount: UInt64 = 0
    var latencies = [UInt64](repeating: 0, count: 64)
  }

  private let counts = Mutex(Counts())

  func countSync(nanoseconds: UInt64, byteCount: Int, isLight: Bool) {
    counts.withLock { counts in
      counts.syncs &+= 1
      if isLight { counts.lightCommits &+= 1 }
      counts.byteCount &+= UInt64(byteCount)
      counts.latencies[LatencyHistogram.bucket(of: nanoseconds)] &+= 1
    }
  }

  func countWrite(byteCount: Int) {
    counts.withLock { counts in
      counts.writes &+= 1
      counts.byteCount &+= UInt64(byteCount)
    }
  }

  /// Copies the counts into a statistics value.
  func fill(_ statistics: inout StoreStatistics) {
    counts.withLock { counts in
      statistics.syncCount = counts.syncs
      statistics.lightCommitCount = counts.lightCommits
      statistics.writeCount = counts.writes
      statistics.writtenByteCount = counts.byteCount
      statistics.syncLatency = LatencyHistogram(counts: counts.latencies)
    }
  }
}
