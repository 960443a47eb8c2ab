import Glibc
import Synchronization

/// Spreads records evenly over time. Shared by all producers; any thread.
final class Pacer: Sendable {
  private let interval: Double
  /// When the next record is due, in monotonic ns.
  private let due = Mutex<Double>(0)

  init(recordsPerSecond: Double) { interval = 1e9 / recordsPerSecond }

  /// Waits until the next record's turn. False when the command should stop instead.
  ///
  /// Time in which nobody asked is not caught up on.
  func admit() -> Bool {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    let now = Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    let turn = due.withLock { due in
      // Up to 10 ms late are made up for: that much a sleep may take too long.
      let turn = max(due, now - 10_000_000)
      due = turn + interval
      return turn
    }
    // Sleeps shorter than this cost more than they bring.
    guard turn > now + 500_000 else { return !Interruption.isRequested }
    return Interruption.sleep(nanoseconds: UInt64(turn - now))
  }
}
