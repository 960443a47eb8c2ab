import Synchronization

/// How a scenario wants its store.
struct EngineStoreSettings: Sendable {
  /// The memory budget; the engine's default is the same.
  var memoryBudgetByteCount = 64 << 20
  /// Through the page cache instead of past it.
  var isBuffered = false
  /// Whether what is written is also synced.
  var syncs = true
  /// Where a scenario stops the disk.
  var stall: DiskStall?
}

/// How a scenario wants its queue.
struct EngineQueueSettings: Sendable {
  /// Beyond this many bytes the oldest segments are trimmed and used again; nil keeps everything.
  var retainedByteCount: UInt64?
}

/// What a cursor has read.
struct EngineReading: Sendable {
  var records = 0
  var byteCount = 0
  /// Keeps the compiler from leaving out the reads of the payload.
  var digest: UInt64 = 0

  /// Counts a record, and touches its bytes.
  @inline(__always)
  mutating func add(_ payload: RawSpan) {
    records += 1
    byteCount += payload.byteCount
    // SAFETY: eight plain bytes that are there.
    if payload.byteCount >= 8 { digest ^= unsafe payload.unsafeLoadUnaligned(as: UInt64.self) }
  }

  /// Adds the counts of another reading.
  static func += (sum: inout EngineReading, next: EngineReading) {
    sum.records += next.records
    sum.byteCount += next.byteCount
    sum.digest ^= next.digest
  }
}

/// A disk that stands still for a while: the engine's I/O calls ``hold()`` before each request.
final class DiskStall: Sendable {
  private let end = Atomic<UInt64>(0)

  /// Stops the disk from now on for a while.
  func begin(seconds: Double) { end.store(MonotonicClock.now + UInt64(seconds * 1e9), ordering: .releasing) }

  /// Returns at once, or at the end of the stall.
  func hold() {
    let end = end.load(ordering: .acquiring)
    if end > MonotonicClock.now { MonotonicClock.sleep(until: end) }
  }
}
