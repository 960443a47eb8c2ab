import CSpate
import Glibc

// The committer's own thread: working, looking, sleeping. It has the turn but while it looks or sleeps.
extension Committer {
  /// Rounds until stopped. On the committer's own thread, after ``begin()``, with the turn, which it keeps at the end:
  /// nobody takes one after the last.
  func run() {
    while true {
      switch turn() {
      case .worked: lastWorkNanoseconds = spate_now_monotonic_ns()
      case .waiting: waitForCompletion()
      case .quiet: rest()
      case .ended: return
      }
    }
  }

  /// Waits for what is in flight. Where writes are made at once that is a sync, which may take long, and of which those who
  /// wait for the page cache know nothing.
  private func waitForCompletion() {
    guard let submission, submission.writesAtOnce else {
      _ = collect(until: Int64(spate_now_monotonic_ns()) + 1_000_000)
      return
    }
    if isAssistedOften, !isDue { return leaveToAssistants() }
    if isSpinning { return look() }
    let deadline = Int64(spate_now_monotonic_ns() &+ Self.syncWaitNanoseconds)
    withoutTurn { submission.waitForCompletion(untilNanoseconds: deadline) }
  }

  /// Whether the last work is so short ago that sleeping does not pay.
  private var isSpinning: Bool { spate_now_monotonic_ns() &- lastWorkNanoseconds < spinLimitNanoseconds }

  /// Passes a moment.
  private func look() {
    withoutTurn {
      for _ in 0..<32 { spate_cpu_pause() }
      // Woken on the processor of the producer, it would take each record by itself and keep the next one from coming.
      sched_yield()
    }
  }

  /// Leaves the work to those who do it for themselves; spins for as long as waking up again would cost; then sleeps.
  private func rest() {
    if isAssistedOften { return leaveToAssistants() }
    assistCount.store(0, ordering: .relaxed)
    mustBeCalled.store(false, ordering: .relaxed)
    if isSpinning { return look() }
    if !settle() { park() }
  }

  /// Sleeps while threads that wait do the work.
  private func leaveToAssistants() {
    // Only after one more round: who began to wait before the flag was set told nobody.
    guard mustBeCalled.exchange(true, ordering: .sequentiallyConsistent) else { return }
    // Not a round after each nap: taking a part of what they do would keep them from the rest.
    repeat { nap() } while isAssisted && !isDue && collect(until: 0) == 0
  }

  /// Lets others take turns while `body` runs.
  private func withoutTurn(_ body: () -> Void) {
    commitTurn.leave()
    body()
    // A thread that waits commits now, which may take as long as a sync.
    while commitTurn.take(for: .committer) != .nobody {
      // ORDERING: sequentially consistent: either the turn is free by now, or who leaves it sees the wish and us parked.
      parked.set(1)
      isTurnWanted.store(true, ordering: .sequentiallyConsistent)
      defer { isTurnWanted.store(false, ordering: .relaxed) }
      guard commitTurn.take(for: .committer) != .nobody else {
        parked.clear()
        break
      }
      sleep(nanoseconds: Self.napNanoseconds)
    }
  }

  /// Sleeps for a while, or until called, and on as long as others take turns. Queues are not asked to tell of their next
  /// publish: who waits for one commits it, or calls.
  private func nap() {
    let limit = napLimit
    var isLate = false
    withoutTurn {
      repeat {
        assistCount.store(0, ordering: .relaxed)
        parked.set(1)
        // ORDERING: sequentially consistent: either the call is seen here, or who called sees us parked.
        isLate = !isCalled.load(ordering: .sequentiallyConsistent)
        guard isLate, !hasReady.load(ordering: .sequentiallyConsistent),
          !isStopping.load(ordering: .sequentiallyConsistent)
        else {
          parked.clear()
          break
        }
        // Awake without the turn: taking it each time would keep who needs it waiting until this thread has its processor.
      } while !sleep(nanoseconds: Self.napNanoseconds) && isAssisted && spate_now_monotonic_ns() < limit
    }
    guard isCalled.exchange(false, ordering: .sequentiallyConsistent) else { return }
    assistCount.store(0, ordering: .relaxed)
    // Somebody waited for us to wake up: for a while we are at hand.
    if isLate { assistingBegins = spate_now_monotonic_ns() &+ Self.assistingPauseNanoseconds }
  }

  /// Whether somebody else took a turn since this thread looked last.
  private var isAssisted: Bool { assistCount.load(ordering: .relaxed) > 0 }

  /// One turn alone is no reason to leave the work: the next may be long in coming, and then tells of itself.
  private var isAssistedOften: Bool { assistCount.load(ordering: .relaxed) > 1 }

  /// Until when to leave everything to others. With the turn.
  private var napLimit: UInt64 {
    let next = active.lazy.compactMap(\.nextDeadline).min() ?? .max
    return min(next, spate_now_monotonic_ns() &+ Self.absenceNanoseconds)
  }

  /// Sleeps for a while, or until `parked`, which the caller has set, is cleared. Returns whether it was.
  @discardableResult
  private func sleep(nanoseconds: UInt64) -> Bool {
    _ = unsafe spate_futex_wait(parked.address, 1, Int64(spate_now_monotonic_ns() &+ nanoseconds))
    return parked.exchange(0) == 0
  }

  /// Whether there is something that only this thread does, and soon: syncs, mostly.
  private var isDue: Bool {
    hasReady.load(ordering: .acquiring) || isStopping.load(ordering: .acquiring)
      || active.contains { $0.syncSlot == nil ? !$0.isQuiet : $0.isSyncAwaited }
  }

  /// How long to sleep while others commit for themselves.
  private static let napNanoseconds: UInt64 = 500_000
  /// How long not to take the turn while others do: what ended meanwhile, and a sync that nobody waits for, may be so late.
  private static let absenceNanoseconds: UInt64 = 5_000_000
  /// How long to wait for a sync of files in the page cache without a look at what was published.
  private static let syncWaitNanoseconds: UInt64 = 50_000
  /// How long nobody else commits once somebody had to call.
  private static let assistingPauseNanoseconds: UInt64 = 10_000_000

  private func park() {
    parked.set(1)
    if hasReady.load(ordering: .sequentiallyConsistent)
      || (isStopping.load(ordering: .sequentiallyConsistent) && active.isEmpty)
      || active.contains(where: { !$0.isQuiet || !$0.isResting })
    {
      parked.clear()
      return
    }
    // What is still active waits for its time: a full disk, a claim that is out, a sync that nobody awaits
    // yet.
    let deadline = active.lazy.compactMap(\.nextDeadline).min().map { Int64(clamping: $0) } ?? -1
    let slept = spate_now_monotonic_ns()
    withoutTurn {
      _ = unsafe spate_futex_wait(parked.address, 1, deadline)
      parked.clear()
    }
    // Who slept for longer would have spun in vain: at a thousand records a second that is a fifth of all work, and at ten
    // thousand it takes the processor from who polls for them.
    let wasLong = spate_now_monotonic_ns() &- slept > 2 * Self.spinNanoseconds
    spinLimitNanoseconds = wasLong ? 0 : Self.spinNanoseconds
  }
}
