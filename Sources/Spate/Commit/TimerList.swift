import CSpate
import Synchronization

/// Which queues the housekeeper has to look at, and when. Any thread; nothing is locked beneath its lock.
final class TimerList: Sendable {
  private struct Timer {
    var deadline: UInt64
    var core: QueueCore
  }

  private let timers = Mutex<[ObjectIdentifier: Timer]>([:])

  /// Asks for a look at a queue `nanoseconds` from now, or earlier if that was asked for already. Returns
  /// whether it is the next one of all.
  func schedule(_ core: QueueCore, after nanoseconds: UInt64) -> Bool {
    let deadline = spate_now_monotonic_ns() &+ nanoseconds
    return timers.withLock { timers in
      let isFirst = timers.values.allSatisfy { deadline < $0.deadline }
      let known = timers[ObjectIdentifier(core)]?.deadline ?? .max
      timers[ObjectIdentifier(core)] = Timer(deadline: min(deadline, known), core: core)
      return isFirst
    }
  }

  /// When the next look is due, monotonic ns; nil when none is.
  var nextDeadline: UInt64? { timers.withLock { $0.values.lazy.map(\.deadline).min() } }

  /// Takes the queues that are due now, in the order of their times.
  func takeDue() -> [QueueCore] {
    let now = spate_now_monotonic_ns()
    return timers.withLock { timers in
      let due = timers.values.filter { $0.deadline <= now }
        .sorted { ($0.deadline, $0.core.name) < ($1.deadline, $1.core.name) }.map(\.core)
      for core in due { timers[ObjectIdentifier(core)] = nil }
      return due
    }
  }

  /// Forgets all, for the end.
  func removeAll() { timers.withLock { $0.removeAll() } }
}
