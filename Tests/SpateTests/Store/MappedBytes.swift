import Synchronization

/// Counts what is mapped of the files of a store. Any thread.
final class MappedBytes: Sendable {
  private struct Counts {
    var current = 0
    var peak = 0
    var largest = 0
    var total = 0
  }

  private let counts = Mutex(Counts())

  /// Takes a change in: more bytes, or fewer.
  func add(_ change: Int) {
    counts.withLock { counts in
      counts.current += change
      counts.peak = max(counts.peak, counts.current)
      counts.largest = max(counts.largest, change)
      counts.total += max(0, change)
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
}
