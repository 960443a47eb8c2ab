import Synchronization

/// Counts what is mapped of the files of a store. Any thread.
final class MappedBytes: Sendable {
  private struct Counts {
    var current = 0
    var peak = 0
    var largest = 0
    var total = 0
    var misaligned = 0
  }

  private let counts = Mutex(Counts())

  /// Takes a change in: more bytes, from an offset of their file on, or fewer.
  func add(_ change: Int, at offset: UInt64 = 0) {
    counts.withLock { counts in
      counts.current += change
      counts.peak = max(counts.peak, counts.current)
      counts.largest = max(counts.largest, change)
      counts.total += max(0, change)
      if offset % (2 << 20) != 0 { counts.misaligned += 1 }
    }
  }

  /// Mapped now.
  var current: Int { counts.withLock { $0.current } }
  /// The most at a time.
  var peak: Int { counts.withLock { $0.peak } }
  /// The largest mapping.
  var largest: Int { counts.withLock { $0.largest } }
  /// All that were made.
  var total: Int { counts.withLock { $0.total } }
  /// How many do not begin where the kernel can map 2 MiB in one step.
  var misaligned: Int { counts.withLock { $0.misaligned } }
}
