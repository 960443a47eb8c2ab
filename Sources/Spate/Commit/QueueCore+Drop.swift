import CSpate
import Glibc
import Synchronization

// Ending the life of a queue whose store goes on.
extension QueueCore {
  /// Closes the queue for good without making anything durable, and gives back its memory and its files. Blocks until
  /// claims that are out were published or given up, and writes in flight have ended.
  ///
  /// When it returns, no thread of the store touches the queue's directory any more. Views that are lent stay
  /// readable.
  func drop() {
    maintenance.withLock { _ in
      named.abandon()
      ring.refuse(.closed)
      ring.closeNewest()
      watermarks.fail(SpateError(.closed, "the queue was dropped", path: name))
      published.signal()
      tellAdvance()
      while !isReleasedByCommitter() { spate_sleep_us(500) }
      named.file.withLock { _ in files.withLock { _ in noteDrop() } }
      if let prepared = ring.withdrawPrepared() { engine.storage.close(prepared.file) }
      state.abandon()
    }
  }

  /// Asks the committer to let go of the queue; false while it cannot.
  private func isReleasedByCommitter() -> Bool {
    let answer = Answer()
    engine.committer.perform { answer.isYes.store(self.writer.release(), ordering: .releasing) }
    return answer.isYes.load(ordering: .acquiring)
  }

  /// What the committer found.
  private final class Answer: Sendable {
    let isYes = Atomic<Bool>(false)
  }
}

extension QueueWriter {
  /// Lets go of everything, if no producer and no write may still touch it. Committer only.
  ///
  /// Draining to the end of what was claimed shows that every producer has published: only then may the chunks go.
  fileprivate func release() -> Bool {
    let failure = failure
    self.failure = nil
    _ = drain()
    self.failure = failure
    guard inFlight.isEmpty, syncSlot == nil, drainPosition >= core.ring.claimedEnd.position else {
      return false
    }
    self.failure = SpateError(.closed, "the queue was dropped", path: core.name)
    closeFiles()
    segments.removeAll()
    for segment in core.ring.takeBegunSegments() { core.engine.storage.close(segment.file.file) }
    forgetChunks()
    while let oldest = core.ring.oldestChunk, oldest.endPosition != nil { core.ring.detachOldest() }
    isReleased = true
    isActive = false
    core.engine.committer.forget(self)
    core.engine.notifyStarving()
    return true
  }
}
