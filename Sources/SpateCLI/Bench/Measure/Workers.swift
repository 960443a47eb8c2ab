import Glibc
import Synchronization

/// Runs a body on threads of its own, which all begin at the same moment.
enum Workers {
  /// Runs `body(0)`…`body(count - 1)` at once and returns their results in order, with the time of the start.
  ///
  /// `whileRunning` is called on this thread once all have begun. The first error is thrown after all have ended.
  static func run<Result: Sendable>(
    _ count: Int,
    whileRunning: () throws -> Void = {},
    body: @escaping @Sendable (Int) throws -> Result
  ) throws -> (results: [Result], startNanoseconds: UInt64) {
    let gate = Gate(expected: count)
    let threads = try (0..<count).map { index in
      try ResultThread {
        gate.arriveAndWait()
        return try body(index)
      }
    }
    let start = gate.open()
    var failure: (any Error)?
    do { try whileRunning() } catch { failure = error }
    var results: [Result] = []
    for thread in threads {
      do { results.append(try thread.join()) } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
    return (results, start)
  }
}

/// Holds threads until all are there and the last one lets them go.
private final class Gate: Sendable {
  private let expected: Int
  private let arrived = Atomic<Int>(0)
  private let isOpen = Atomic<Bool>(false)

  init(expected: Int) { self.expected = expected }

  func arriveAndWait() {
    arrived.wrappingAdd(1, ordering: .acquiringAndReleasing)
    while !isOpen.load(ordering: .acquiring) { sched_yield() }
  }

  func open() -> UInt64 {
    while arrived.load(ordering: .acquiring) < expected { sched_yield() }
    let now = MonotonicClock.now
    isOpen.store(true, ordering: .releasing)
    return now
  }
}
