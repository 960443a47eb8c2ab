import Glibc
import Spate

/// Turns the store's statistics into what happened since the last time. One thread.
struct DemoReporter {
  private let store: Store
  private let queue: Queue
  private var lastStore: StoreStatistics
  private var lastQueue: QueueStatistics

  init(store: Store, queue: Queue) {
    self.store = store
    self.queue = queue
    lastStore = store.statistics
    lastQueue = queue.statistics
  }

  /// What happened since the last call.
  mutating func next() -> DemoStatistics {
    let store = store.statistics
    let queue = queue.statistics
    defer { (lastStore, lastQueue) = (store, queue) }
    let commits = max(1, queue.commitCount - lastQueue.commitCount)
    let syncs = zip(store.syncLatency.counts, lastStore.syncLatency.counts).map { $0 - $1 }
    return DemoStatistics(
      ringByteCount: UInt64(queue.ringByteCount),
      memoryBudgetByteCount: UInt64(store.memoryBudgetByteCount),
      commitRecordCount: (queue.durableSequence - lastQueue.durableSequence) / commits,
      commitByteCount: (queue.durablePosition - lastQueue.durablePosition) / commits,
      syncP50Nanoseconds: Self.percentile(0.5, of: syncs),
      syncP99Nanoseconds: Self.percentile(0.99, of: syncs),
      peakMemoryByteCount: Self.peakMemoryByteCount
    )
  }

  /// The end of the bucket that so large a share of the counts does not exceed; bucket `i` ends at `2^(i+1)`.
  private static func percentile(_ share: Double, of counts: [UInt64]) -> UInt64 {
    let total = counts.reduce(0, +)
    guard total > 0 else { return 0 }
    let wanted = UInt64((Double(total) * share).rounded(.up))
    var seen: UInt64 = 0
    let bucket = counts.firstIndex { count in
      seen += count
      return seen >= wanted
    }
    return 1 << UInt64(min(62, (bucket ?? 0) + 1))
  }

  /// The most memory that this process had resident. The kernel's count for the process's resources would hold its
  /// parent's too.
  private static var peakMemoryByteCount: UInt64 {
    guard let file = unsafe fopen("/proc/self/status", "r") else { return 0 }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while unsafe fgets(&line, Int32(line.count), file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard text.hasPrefix("VmHWM:") else { continue }
      return (UInt64(text.split { !$0.isNumber }.first ?? "") ?? 0) << 10
    }
    return 0
  }
}
