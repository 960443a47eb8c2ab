import CSpate
import Synchronization

/// Which queues the housekeeper has to look at, and when. Any thread; nothing is locked beneath its lock.
final class TimerList: Sendable {
  private struct Timer {
    var deadline: UInt64
    var core: QueueCore
  }

  private struct State {
    var timers: [ObjectIdentifier: Timer] = [:]
    var isClosed = false
  }

  private let state = Mutex(State())

  /// Asks for a look at a queue `nanoseconds` from now, or earlier if that was asked for already. Returns
  /// whether it is the next one of all.
  func schedule(_ core: QueueCore, after nanoseconds: UInt64) -> Bool {
    let deadline = spate_now_monotonic_ns() &+ nanoseconds
    return state.withLock { state in
      guard !state.isClosed else { return false }
      let isFirst = state.timers.values.allSatisfy { deadline < $0.deadline }
      let known = state.timers[ObjectIdentifier(core)]?.deadline ?? .max
      state.timers[ObjectIdentifier(core)] = Timer(deadline: min(deadline, known), core: core)
      return isFirst
    }
  }

  /// When the next look is due, monotonic ns; nil when none is.
  var nextDeadline: UInt64? { state.withLock { $0.timers.values.lazy.map(\.deadline).min() } }

  /// Takes the queues that are due now, in the order of their times.
  func takeDue() -> [QueueCore] {
    let now = spate_now_monotonic_ns()
    return state.withLock { state in
      let due = state.timers.values.filter { $0.deadline <= now }
        .sorted { ($0.deadline, $0.core.name) < ($1.deadline, $1.core.name) }.map(\.core)
      for core in due { state.timers[ObjectIdentifier(core)] = nil }
      return due
    }
  }

  /// Forgets all, and takes nothing more: queues that nobody looks at any more would keep their closed store alive.
  func close() {
    state.withLock { state in
      state.isClosed = true
      state.timers.removeAll()
    }
  }
}
