import CSpate

// Threads that wait, and commit meanwhile. Handing a record over to another thread and being told of the end takes longer than
// writing it into the page cache, and a processor as long as a sync. So a thread that begins to wait takes the committer's
// turn, if that is free, for one round of what can be done by plain system calls on its own thread: writes into the page
// cache, or the one write that is its own sync. Flat combining (Hendler, Incze, Shavit, Tzafrir: SPAA 2010) is the
// same idea: whoever holds the lock works for all.
//
// Nothing rests on it. The committer's thread looks at everything again within ``napNanoseconds``, and at once when it is
// called.
extension Committer {
  /// Sees to it that what somebody waits for comes about: by a round on this thread, where it is the only one that waits of
  /// late, so that the round is likely to be all there is to do. The waiter stands in its heap. Any thread.
  ///
  /// Whoever waits holds no lock that a round takes: the committer's thread would wait for it for ever, too.
  ///
  /// Several that wait are better served by the committer's thread: it writes for all while they append, and one sync covers
  /// them. So is a closed loop of durable appends: while its thread spins, a processor stays awake, which a sync that ends
  /// would have to wake first (*measured:* 91 µs for an append, 104 µs with both asleep).
  func attend(_ wait: Watermarks.Wait, syncsOnDemand: Bool) {
    let writing = syncsOnDemand && !wait.kind.isDurability
    if wait.isAlone, wait.mayBlock, writing || !wait.isSpinning, assist(wait, writing: writing) { return }
    // A committer that sleeps until a sync is due has not been told that somebody waits for it.
    if syncsOnDemand, wait.kind.isDurability { wake() }
    if mustBeCalled.load(ordering: .sequentiallyConsistent) {
      isCalled.store(true, ordering: .sequentiallyConsistent)
      wake()
    }
  }

  /// Takes the turn for a round. Returns whether that ended the wait.
  ///
  /// - Parameter writing: whether the sync may be left to others, where the page cache takes the bytes at once.
  private func assist(_ wait: Watermarks.Wait, writing: Bool) -> Bool {
    for _ in 0..<Self.assistingLookLimit {
      if commitTurn.take(for: .assistant) == .nobody {
        takeTurn(for: wait.waiter, writing: writing)
        commitTurn.leave()
        break
      }
      // The committer's own thread looks now and then, which is soon over.
      for _ in 0..<4 { spate_cpu_pause() }
      if wait.waiter.isDone { break }
    }
    return wait.waiter.isDone
  }

  /// How often to look for the turn of another one: a few microseconds.
  private static let assistingLookLimit = 40

  /// Rounds by a thread that waits, with the turn.
  private func takeTurn(for waiter: Waiter, writing: Bool) {
    // INVARIANT: no write is in flight, and a light commit wants no sync to be: nothing here asks the ring of io_uring,
    // which belongs to the committer's thread.
    guard inFlightByteCount == 0, let submission, spate_now_monotonic_ns() >= assistingBegins else { return }
    assistCount += 1
    // The host's handlers and limits meet this thread, not the committer's, which has all signals blocked.
    var signals = spate_signals()
    unsafe spate_block_signals(&signals)
    // A second one where the first ended with a segment.
    for _ in 0..<2 where !waiter.isDone {
      guard assistingRound(writing: writing && submission.writesAtOnce) else { break }
    }
    let hasFailed = active.contains { $0.failure != nil || $0.retryNanoseconds != 0 }
    unsafe spate_restore_signals(&signals, hasFailed ? 1 : 0)
  }

  /// A round without the ring of io_uring. Returns whether anything was written. While no write is in flight.
  ///
  /// - Parameter writing: whether to write into the page cache at once, and leave the sync to the committer's thread.
  func assistingRound(writing: Bool) -> Bool {
    beginRound()
    _ = drainActive()
    var moved = false
    if writing {
      moved = submitAll(syncing: false)
      needsSubmit = false
      collectAtOnce()
    } else {
      moved = commitLight()
    }
    finishRound()
    return moved
  }
}
