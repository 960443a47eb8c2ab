import CSpate
import Synchronization

/// The time that records are stamped with, ns since 1970, never going backwards.
///
/// Reading the system's clock would cost a producer more than the copy of a small record, so the committer
/// keeps this word fresh: at each of its rounds, and at least each millisecond while records flow. A producer
/// that finds the committer idle reads the system's clock itself.
final class StoreClock: Sendable {
  private let word: Atomic<UInt64>

  /// Starts at the system's time, or at `floor` when that is later (the newest time in a log).
  init(floor: UInt64 = 0) {
    word = Atomic(max(spate_now_realtime_ns(), floor))
  }

  /// The time as of the last refresh.
  @inline(__always)
  var now: UInt64 {
    // ORDERING: relaxed: the word carries nothing but itself.
    word.load(ordering: .relaxed)
  }

  /// Takes the system's time over, unless that went backwards. Returns the time.
  @discardableResult
  func refresh() -> UInt64 { advance(to: spate_now_realtime_ns()) }

  /// Makes sure that the clock is not before `time`. Returns the time.
  @discardableResult
  func advance(to time: UInt64) -> UInt64 {
    word.max(time, ordering: .relaxed).newValue
  }
}
