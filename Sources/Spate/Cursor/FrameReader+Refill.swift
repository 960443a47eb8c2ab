import Synchronization

// Finding the bytes of the next frame: once a chunk, a window, or a move of the watermark.
extension FrameReader {
  /// Up to where the followed level reaches, as far as the watermarks say; no bound for `published`, which
  /// the stamps decide.
  private var followedPosition: UInt64 {
    switch level {
    case .durable: log.watermarks.durablePosition
    case .written: log.watermarks.written.position
    case .published: .max
    }
  }

  /// Up to where the files can be read for the followed level. Below it, only the block that it lies in is written
  /// again.
  var settledPosition: UInt64 {
    level == .durable ? log.watermarks.durablePosition : log.watermarks.written.position
  }

  /// Makes bytes of the next frame available below `limit`. False when nothing may be read now.
  @inline(never)
  mutating func refill() throws(SpateError) -> Bool {
    needsDisk = false
    place.sequence = nextSequence
    if let error = pendingError {
      pendingError = nil
      throw error
    }
    if seenTruncations != log.cursors.truncationCount { try followTruncation() }
    if let seek = pendingSeek {
      guard mayBlock else {
        needsDisk = true
        return false
      }
      try resolve(seek)
    }
    while true {
      if case .chunk(let chunk) = source {
        if let isMore = continueChunk(chunk) { return isMore }
        // Moved to the next chunk, to a copy of its frames, or to nothing.
        switch source {
        case .chunk: continue
        case .copy: return true
        case .none, .segment: break
        }
      }
      let followed = followedPosition
      guard position < followed else {
        // Nothing is held at the end of what is covered, unless it is the chunk that goes on.
        letGo()
        openSegment = nil
        return false
      }
      if let chunk = log.tail?.pinChunk(holding: position) {
        guard enter(chunk) else { return false }
        if case .copy = source { return true }
        continue
      }
      guard position < settledPosition else {
        letGo()
        return false
      }
      guard let isThere = try readSegment() else { continue }
      return isThere
    }
  }

  // MARK: The ring

  /// Goes on in the chunk that is held. Nil when it was read to its end: the next chunk is held, or nothing.
  private mutating func continueChunk(_ chunk: Chunk) -> Bool? {
    let end = chunk.endPosition
    if let end, position >= end {
      position = end
      follow(chunk, end: end)
      return nil
    }
    let wasStopped = isStopped
    isStopped = false
    let bound = end ?? (chunk.basePosition + UInt64(chunk.capacity))
    limit = min(bound, followedPosition)
    return position < limit && !wasStopped
  }

  /// Moves from a chunk that was read to its end to the one behind it, if it is there.
  private mutating func follow(_ chunk: Chunk, end: UInt64) {
    guard let next = chunk.next, next.tryPin() else { return letGo() }
    // The descriptor may stand for another piece of the log by now.
    guard next.basePosition == end, next.baseSequence == sequence else {
      log.tail?.unpin(next)
      return letGo()
    }
    _ = enter(next)
  }

  /// Reads from a pinned chunk that holds `position`: in place, or from a copy when cursors hold enough of
  /// the budget. False when nothing that may be seen was there to be copied; nothing is held then.
  private mutating func enter(_ chunk: Chunk) -> Bool {
    if position == chunk.basePosition { sequence = chunk.baseSequence }
    openSegment = nil
    neededByteCount = 0
    guard support.pins.take(chunk) else {
      defer { log.tail?.unpin(chunk) }
      // The chunk frame is passed over: until it is on the disk, the committer may change it.
      position = max(position, chunk.basePosition + UInt64(ChunkFrame.byteCount))
      return copy(from: chunk, offset: Int(truncatingIfNeeded: position - chunk.basePosition))
    }
    unsafe hold(
      Lease(.chunk(chunk), log: log, support: support),
      bytes: UnsafeRawPointer(chunk.buffer),
      basePosition: chunk.basePosition,
      salt: chunk.salt,
      isVerifying: false
    )
    source = .chunk(chunk)
    limit = position
    return true
  }

  /// How much of a chunk is copied at a time, unless one frame is larger.
  static var copyByteCount: Int { 256 << 10 }

  /// Copies the frames that may be seen, from `offset` on, as far as they fit.
  private mutating func copy(from chunk: Chunk, offset: Int) -> Bool {
    let buffer = unsafe UnsafeRawPointer(chunk.buffer)
    let bound = min(chunk.endPosition ?? (chunk.basePosition + UInt64(chunk.capacity)), followedPosition)
    let end = unsafe visibleEnd(in: buffer, of: chunk, from: offset, bound: bound)
    guard end > offset else {
      letGo()
      return false
    }
    let memory = BlockBuffer(byteCount: end - offset, alignment: 16)
    // SAFETY: the chunk is pinned, and published frames do not change.
    unsafe memory.bytes.copyMemory(from: UnsafeRawBufferPointer(start: buffer + offset, count: end - offset))
    unsafe hold(
      Lease(.copy(memory), log: log, support: support),
      bytes: UnsafeRawPointer(memory.bytes.baseAddress),
      basePosition: position,
      salt: chunk.salt,
      isVerifying: false
    )
    source = .copy
    limit = chunk.basePosition + UInt64(end)
    return true
  }

  /// The offset behind the last whole frame that may be seen and fits a copy.
  private func visibleEnd(in buffer: UnsafeRawPointer, of chunk: Chunk, from start: Int, bound: UInt64) -> Int
  {
    var offset = start
    while chunk.basePosition + UInt64(offset) < bound {
      let position = chunk.basePosition + UInt64(offset)
      let stamp = Format.stamp(salt: chunk.salt, position: position)
      let word = unsafe Ring.loadStamp(at: buffer + offset)
      let next: Int
      if word == stamp || word == stamp ^ Format.expiredMask {
        let body = unsafe UInt32(littleEndian: buffer.load(fromByteOffset: offset + 12, as: UInt32.self))
        next = offset + Format.frameByteCount(bodyByteCount: Int(body))
      } else if word == stamp ^ Format.paddingMask {
        next = Int(
          Format.alignUp(position + 8, to: log.storage.blockByteCount) - chunk.basePosition
        )
      } else {
        break
      }
      if next - start > Self.copyByteCount, offset > start { break }
      offset = next
    }
    return offset
  }

  // MARK: Truncation

  /// Finds its place again after the end of the log was cut off.
  private mutating func followTruncation() throws(SpateError) {
    let count = log.cursors.truncationCount
    defer { seenTruncations = count }
    guard let cut = log.cursors.lowestCut(since: seenTruncations) else { return }
    letGo()
    neededByteCount = 0
    let wanted = nextSequence
    if wanted <= cut.sequence {
      // Positions up to the cut are as they were; the block behind it is given up.
      if position >= cut.position { moveTo(cut) }
      return
    }
    moveTo(cut)
    isSkipping = false
    pendingSeek = nil
    throw SpateError(
      .outOfRange,
      "the log was truncated at record \(cut.sequence), before record \(wanted), which the cursor stood at; it goes on at the cut",
      position: cut.position,
      sequence: cut.sequence
    )
  }

  private mutating func moveTo(_ cut: LogMark) {
    position = Format.alignUp(cut.position, to: log.storage.blockByteCount)
    sequence = cut.sequence
  }
}
