import CSpate

// Crediting: moving the watermarks, giving memory and segments back, and failing.
extension QueueWriter {
  /// Moves the marks to at least these places and collects who is covered.
  func credit(written newWritten: LogMark, durable newDurable: LogMark, committer: Committer) {
    guard failure == nil else { return }
    if newWritten.position > written.position {
      written = newWritten
      committer.hasWritten = true
      if isFull {
        isFull = false
        ring.liftFull()
      }
    }
    let isMoreDurable = newDurable.position > durable.position
    if isMoreDurable {
      counters.countCommit(records: newDurable.sequence - durable.sequence)
      durable = newDurable
    }
    core.watermarks.advance(written: written, durable: durable, covered: &committer.covered)
    finishSegments()
    if isMoreDurable {
      core.sharedSlot?.publish(durable: durable, segmentNumber: segments.first?.segment.file.number ?? 0)
      committer.commitSignals.current?.list(core)
      committer.hasAdvanced = true
    }
  }

  /// Hands segments that are durable to their end over to be sealed.
  func finishSegments() {
    while segments.count > 1, durable.position >= segments[1].segment.base.position {
      let finished = segments.removeFirst()
      if finished.file != nil { core.engine.countOpenFiles(-1) }
      core.segmentEnded(finished, end: segments[0].segment.base)
    }
  }

  /// Writes the footer of the segment that was appended to, for a close, once the threads have ended: it proves how
  /// far the log was durable, so that the next open tells damage of its tail from a torn tail. Where the file was
  /// closed, for a queue that was idle among very many, it is done without.
  func sealLast() {
    guard failure == nil, isSettled, segments.count == 1, let last = segments.first, last.file != nil,
      durable.position == drained.position, durable.position > last.segment.base.position
    else { return }
    segments.removeAll()
    core.engine.countOpenFiles(-1)
    core.engine.writeFooter(last, of: core, end: durable)
  }

  /// Detaches chunks that are durable, or written where syncs are put off, but for `limit` bytes of them while cursors read near the tail.
  func reclaim(keepingAtMost limit: Int) {
    countSettled()
    guard keptByteCount > 0 else { return }
    let keep = limit > 0 && hasTailCursors() ? limit : 0
    guard keptByteCount > keep else { return }
    var oldest = ring.oldestChunk
    // Not the one that is drained: closed at the end of a whole block since the last look, it is not left yet.
    while keptByteCount > keep, let chunk = oldest, chunk != drainChunk {
      keptByteCount -= chunk.bufferByteCount
      oldest = chunk.next
      if lastSettled == chunk { lastSettled = nil }
      if lastDrained == chunk { lastDrained = nil }
      if writeChunk == chunk { writeChunk = oldest }
      ring.detachOldest()
    }
  }

  /// Counts the chunks that became durable, or written, since the last look: under load that is a few of very many.
  private func countSettled() {
    if lastSettled == nil { keptByteCount = 0 }
    let settled = reclaimablePosition
    guard settled > (lastSettled?.endPosition ?? 0) else { return }
    var next = chunk(behind: lastSettled)
    while let candidate = next, let end = candidate.endPosition, end <= settled {
      keptByteCount += candidate.bufferByteCount
      lastSettled = candidate
      next = candidate.next
    }
  }

  /// Whether a cursor reads the ring, or comes next to it. Looked at from time to time: there may be thousands.
  private func hasTailCursors() -> Bool {
    guard core.cursors.count > 0 else { return false }
    let now = spate_now_monotonic_ns()
    if now &- tailLookNanoseconds >= 2_000_000, let oldest = ring.oldestChunk {
      tailLookNanoseconds = now
      tailIsRead = core.cursors.hasPlace(atOrBehind: oldest.baseSequence)
    }
    return tailIsRead
  }

  /// Forgets the old end of the log: what comes next begins a new segment at `base`. When everything is
  /// settled.
  func restart(at base: LogMark) {
    guard failure == nil else { return }
    closeFiles()
    segments.removeAll()
    forgetChunks()
    drainPosition = base.position
    drainSequence = base.sequence
    drained = base
    submitted = base.position
    written = base
    durable = base
    expired.removeAll()
    blockedSince = 0
  }

  /// Whether a claim that was not published holds back what comes after it.
  var drainIsBlocked: Bool { failure == nil && blockedSince != 0 }

  /// A write did not reach the kernel's hands. A full disk is tried again; everything else is final.
  func writeFailed(_ error: SpateError) {
    guard error.mayPass else { return fail(error) }
    postpone(error)
    rewindAfterFullDisk()
  }

  /// Refuses appends and tries again in a while what cannot be written now.
  func postpone(_ error: SpateError) {
    retryNanoseconds = max(1, spate_now_monotonic_ns() + 200_000_000)
    isFull = true
    core.diskBecameFull(error)
  }

  /// After a write met a full disk, and once nothing is in flight: everything that was not credited is
  /// written again later.
  func rewindAfterFullDisk() {
    guard retryNanoseconds != 0, inFlight.isEmpty, submitted > written.position else { return }
    submitted = written.position
    for index in segments.indices where segments[index].segment.base.position >= submitted {
      segments[index].isHeaderSubmitted = false
    }
    var chunk = ring.oldestChunk
    while let candidate = chunk, let end = candidate.endPosition, end <= submitted { chunk = candidate.next }
    writeChunk = chunk
  }

  /// Ends this queue's life as one that takes appends.
  func fail(_ failure: SpateError) {
    guard self.failure == nil else { return }
    self.failure = failure
    core.fail(failure)
  }
}

extension SpateError {
  /// Whether the failure may pass by itself: no room on the disk, no descriptors or memory left. Such work is
  /// tried again.
  var mayPass: Bool { code == .diskFull || code == .resourceExhausted }
}
