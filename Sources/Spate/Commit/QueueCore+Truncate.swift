import CSpate
import Synchronization

// Cutting the end of the log off.
extension QueueCore {
  /// The steps of ``Queue/truncate(from:)``.
  ///
  /// The ring is paused and emptied, then the committer forgets its places, then a new segment begins at the
  /// cut: once its first frame is durable, its header cuts what earlier segments hold beyond it.
  ///
  /// - Parameter isAllowed: asked while the ring takes no claims, so that no fencing epoch comes into force behind it;
  ///   throws what refuses the truncation.
  func truncate(
    from sequence: UInt64,
    isAllowed: () throws(SpateError) -> Void
  ) throws(SpateError) {
    let failure: SpateError? = maintenance.withLock { _ in
      do throws(SpateError) {
        if let failure = watermarks.failure { throw failure }
        ring.refuse(.paused)
        defer { ring.refuse(nil) }
        try isAllowed()
        try makeEverythingDurable()
        try cut(at: sequence)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  private func makeEverythingDurable() throws(SpateError) {
    ring.closeNewest()
    try watermarks.wait(.durablePosition, for: ring.claimedEnd.position, until: -1)
  }

  private func cut(at sequence: UInt64) throws(SpateError) {
    let end = watermarks.durable
    guard sequence < end.sequence else {
      if sequence == end.sequence { return }
      throw SpateError(
        .outOfRange,
        "record \(sequence) is beyond the end of the log; the next one to be appended is \(end.sequence)",
        sequence: end.sequence
      )
    }
    let position = try place(of: sequence)
    let base = LogMark(
      position: Format.alignUp(position, to: ring.configuration.blockByteCount),
      sequence: sequence
    )
    // What comes needs a segment: without room for one nothing has changed yet.
    if !ring.hasPrepared { try engine.prepareSegment(for: self, byteCount: 0, exceedsQuotas: true) }
    try state.prepareTruncation(at: base.position)
    // Frames behind the cut are gone with it: what they said of cursors must not be.
    if named.mustSaveBeforeTrim {
      try engine.spendingReserve { () throws(SpateError) in try named.save() }
    }
    let cut = LogMark(position: position, sequence: sequence)
    // All between two rounds: a round that saw only a part of it would drain what is cut off once more.
    engine.committer.perform {
      self.writer.restart(at: base)
      self.ring.restart(at: base, cutPosition: position)
      self.noteCutSegments(self.catalog.cut(at: cut))
      self.watermarks.restart(at: base)
      self.cursors.noteTruncation(at: cut)
      self.sharedSlot?.publish(cut: cut)
      self.engine.page?.signal()
      self.tellAdvance()
    }
    named.prepareTruncation(base: base.position)
    // The first chunk's frame carries the new segment's header to the disk.
    while true {
      let event = ring.changed.current
      if ring.openFirstChunk() { break }
      if let failure = watermarks.failure { throw failure }
      _ = ring.changed.wait(from: event, until: Int64(spate_now_monotonic_ns()) + 100_000_000)
    }
    if clearIdle() { engine.committer.enqueue(self) }
    try watermarks.wait(.durablePosition, for: base.position + UInt64(ChunkFrame.byteCount), until: -1)
    named.followTruncation(at: cut, base: base.position, epoch: ring.state.withLock { $0.epoch })
    removeCutSegments()
  }

  /// Where the frame of a durable record begins, by walking its segment.
  private func place(of sequence: UInt64) throws(SpateError) -> UInt64 {
    guard let segment = catalog.segment(containingSequence: sequence), segment.baseSequence <= sequence else {
      let first = catalog.first?.baseSequence ?? 0
      throw SpateError(
        .outOfRange,
        "record \(sequence) was trimmed; the first one that is kept is \(first)",
        sequence: first
      )
    }
    let storage = engine.storage
    let file = try storage.open(segment.path, .read)
    defer { storage.close(file) }
    let limit = min(segment.limitPosition, watermarks.durablePosition)
    let byteCount = Int(limit - segment.basePosition)
    let region = try unsafe storage.map(file, at: segment.dataOffset, byteCount: byteCount)
    defer { unsafe storage.unmap(region) }
    var scanner = unsafe FrameScanner(
      bytes: region,
      basePosition: segment.basePosition,
      start: segment.basePosition,
      sequence: segment.baseSequence,
      salt: segment.salt,
      blockByteCount: segment.blockByteCount,
      limit: limit,
      verifying: false
    )
    var search = BatchSearch(sequence: sequence, from: segment.use.base)
    while case .frame(let frame) = scanner.next() {
      guard search.isFound(at: frame) else { continue }
      guard search.begin.sequence == sequence else {
        throw SpateError(
          .invalidArgument,
          "record \(sequence) stands inside an atomic batch; cut at its first record, \(search.begin.sequence)",
          sequence: search.begin.sequence
        )
      }
      return search.begin.position
    }
    throw SpateError(
      .corrupt,
      "record \(sequence) cannot be found: the segment is damaged before it; cut at an earlier record",
      path: segment.path,
      sequence: sequence
    )
  }

  private func removeCutSegments() {
    let segments = cutSegments.withLock { cut in
      let all = cut
      cut.removeAll()
      return all
    }
    // What is left of a removal that fails is recovery's to finish.
    try? withFiles { (files, preparer) throws(SpateError) in
      for segment in segments { try? files.remove(segment, preparer: preparer) }
    }
  }
}
