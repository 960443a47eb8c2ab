import CSpate
import Glibc

// Threads that wait for the page cache, and write meanwhile. Handing records over to another thread and being told of the end
// takes longer than the copy. So a thread that waits takes the committer's turn, if that is free, for a round of writes, and
// else looks whether the holder's round has written its records, too. Flat combining (Hendler, Incze, Shavit, Tzafrir: SPAA
// 2010) is the same idea: whoever holds the lock works for all.
//
// Nothing rests on it. The committer's thread looks at everything again within ``napNanoseconds``, and at once when it is
// called.
//
// Who waits for a sync never does: the processor that it keeps awake meanwhile would have to be woken at its end (measured: a
// durable append takes 91 µs, 104 µs when its thread makes the write and both processors sleep).
extension Committer {
  /// Tries to bring it about, by rounds on this thread, that the log is written up to `target`. The caller looks whether it is,
  /// and waits if not. Any thread that may be held up by the disk, and holds no lock that a round takes: the committer's
  /// thread would wait for it for ever, too.
  func assist(_ watermarks: Watermarks, until target: UInt64) {
    for _ in 0..<Self.assistingYieldLimit {
      for _ in 0..<Self.assistingLookLimit {
        if watermarks.writtenPosition >= target { return }
        if mayTakeTurn, commitTurn.take(for: .assistant) == .nobody {
          let mayGoOn = takeTurn(for: watermarks, until: target)
          if watermarks.writtenPosition >= target || !mayGoOn { return }
          // A record before ours is not published yet.
          break
        }
        for _ in 0..<4 { spate_cpu_pause() }
      }
      // The holder may have lost its processor, perhaps to us.
      sched_yield()
    }
  }

  /// Whether the turn looks free, and the committer's thread, which alone makes syncs, does not wait for it: several that take
  /// it in turn would keep it away for long.
  private var mayTakeTurn: Bool {
    // ORDERING: relaxed: a hint; who waits for the turn is told by who leaves it.
    commitTurn.isFree && !isTurnWanted.load(ordering: .relaxed)
  }

  /// How often to look for the end, or for a free turn: less than a round takes.
  private static let assistingLookLimit = 10
  /// How often to let others have the processor meanwhile, before sleeping.
  private static let assistingYieldLimit = 30

  /// Rounds by a thread that waits. With the turn, which is left at the end. Returns whether trying again makes sense.
  private func takeTurn(for watermarks: Watermarks, until target: UInt64) -> Bool {
    // INVARIANT: no write is in flight: nothing here asks the ring of io_uring, which belongs to the committer's thread.
    guard inFlightByteCount == 0, writesAtOnce,
      assistingBegins == 0 || spate_now_monotonic_ns() >= assistingBegins
    else {
      leaveTurn()
      return false
    }
    assistingBegins = 0
    // ORDERING: relaxed: says that somebody is at work. Not added at once: a reset that is lost costs a nap.
    assistCount.store(assistCount.load(ordering: .relaxed) + 1, ordering: .relaxed)
    // The host's handlers and limits meet this thread, not the committer's, which has all signals blocked.
    var signals = spate_signals()
    unsafe spate_block_signals(&signals)
    hasRefusedWrite = false
    // A second one where the first ended with a segment.
    for _ in 0..<2 where watermarks.writtenPosition < target {
      guard assistingRound() else { break }
    }
    let hasRefusedWrite = hasRefusedWrite
    let mayGoOn =
      watermarks.writtenPosition >= target
      || !active.contains { $0.failure != nil || $0.retryNanoseconds != 0 }
    // Told once the turn is left: who is woken may take the processor from who wakes.
    let told = takeCovered()
    leaveTurn()
    unsafe spate_restore_signals(&signals, hasRefusedWrite ? 1 : 0)
    for waiter in told { waiter.complete(with: nil) }
    return mayGoOn
  }

  private func leaveTurn() {
    commitTurn.leave()
    if isTurnWanted.load(ordering: .sequentiallyConsistent) { wake() }
  }

  /// A round of writes into the page cache, without the ring of io_uring: syncs are left to the committer's thread. Returns
  /// whether anything was written. While no write is in flight, and where writes are made at once. The caller tells who is
  /// covered.
  func assistingRound() -> Bool {
    beginRound()
    _ = drainActive()
    let moved = submitAll(syncing: false)
    needsSubmit = false
    collectAtOnce()
    announce()
    endRound()
    return moved
  }

  /// Calls the committer's thread for what somebody waits for, on any thread. The waiter stands in its heap.
  ///
  /// - Parameter syncsOnDemand: whether the queue puts syncs off until somebody waits for one.
  func attend(_ kind: Watermarks.Kind, syncsOnDemand: Bool) {
    // A committer that sleeps until a sync is due has not been told that somebody waits for it.
    if syncsOnDemand, kind.isDurability { wake() }
    if mustBeCalled.load(ordering: .sequentiallyConsistent) {
      isCalled.store(true, ordering: .sequentiallyConsistent)
      wake()
    }
  }
}
