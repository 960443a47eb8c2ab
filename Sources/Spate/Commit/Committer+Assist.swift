import CSpate

// Threads that wait for the page cache, and write meanwhile. Handing a record over to another thread and being told of the end
// takes longer than the copy. So a thread that waits alone takes the committer's turn, if that is free, for a round of writes.
// Flat combining (Hendler, Incze, Shavit, Tzafrir: SPAA 2010) is the same idea: whoever holds the lock works for all.
//
// Nothing rests on it. The committer's thread looks at everything again within ``napNanoseconds``, and at once when it is
// called.
extension Committer {
  /// Sees to it that what somebody waits for comes about: by a round on this thread, where it is the only one that waits of
  /// late, so that the round is likely to be all there is to do. The waiter stands in its heap. Any thread.
  ///
  /// Several that wait are better served by the committer's thread, which writes for all while they append. So is who waits for
  /// a sync: the processor that it keeps awake meanwhile would have to be woken at its end (*measured:* a durable append takes 91
  /// µs, 104 µs when its thread makes the write and both processors sleep).
  ///
  /// Whoever waits holds no lock that a round takes: the committer's thread would wait for it for ever, too.
  func attend(_ wait: Watermarks.Wait, syncsOnDemand: Bool) {
    let isWriting = syncsOnDemand && !wait.kind.isDurability && storage.description.mode == .buffered
    if isWriting, wait.isAlone, wait.mayBlock, assist(wait.waiter) { return }
    // A committer that sleeps until a sync is due has not been told that somebody waits for it.
    if syncsOnDemand, wait.kind.isDurability { wake() }
    if mustBeCalled.load(ordering: .sequentiallyConsistent) {
      isCalled.store(true, ordering: .sequentiallyConsistent)
      wake()
    }
  }

  /// Takes the turn for a round. Returns whether that ended the wait.
  private func assist(_ waiter: Waiter) -> Bool {
    for _ in 0..<Self.assistingLookLimit {
      if commitTurn.take(for: .assistant) == .nobody {
        takeTurn(for: waiter)
        commitTurn.leave()
        if isTurnWanted.load(ordering: .sequentiallyConsistent) { wake() }
        break
      }
      // The committer's own thread looks now and then, which is soon over.
      for _ in 0..<4 { spate_cpu_pause() }
      if waiter.isDone { break }
    }
    return waiter.isDone
  }

  /// How often to look for the turn of another one: a few microseconds.
  private static let assistingLookLimit = 40

  /// Rounds by a thread that waits, with the turn.
  private func takeTurn(for waiter: Waiter) {
    // INVARIANT: no write is in flight: nothing here asks the ring of io_uring, which belongs to the committer's thread.
    guard inFlightByteCount == 0, submission?.writesAtOnce == true else { return }
    guard spate_now_monotonic_ns() >= assistingBegins else { return }
    assistCount += 1
    // The host's handlers and limits meet this thread, not the committer's, which has all signals blocked.
    var signals = spate_signals()
    unsafe spate_block_signals(&signals)
    // A second one where the first ended with a segment.
    for _ in 0..<2 where !waiter.isDone {
      guard assistingRound() else { break }
    }
    let hasFailed = active.contains { $0.failure != nil || $0.retryNanoseconds != 0 }
    unsafe spate_restore_signals(&signals, hasFailed ? 1 : 0)
  }

  /// A round of writes into the page cache, without the ring of io_uring: syncs are left to the committer's thread. Returns
  /// whether anything was written. While no write is in flight, and where writes are made at once.
  func assistingRound() -> Bool {
    beginRound()
    _ = drainActive()
    let moved = submitAll(syncing: false)
    needsSubmit = false
    collectAtOnce()
    finishRound()
    return moved
  }
}
