import CSpate

// Going to a place: from memory at once, from the disk when the next record is asked for.
extension FrameReader {
  /// Goes to `start`. Reads no disk: what must be looked up there is looked up by the next move.
  ///
  /// - Throws: `outOfRange` for a sequence that was trimmed or lies beyond what is to be appended next;
  ///   nothing has changed then.
  mutating func seek(to start: StartPosition) throws(SpateError) {
    let earliest = earliest
    switch start {
    case .earliest: stand(at: earliest)
    case .latest: stand(at: latest)
    case .sequence(let wanted):
      let end = log.claimedEnd
      guard wanted >= earliest.sequence else {
        throw SpateError(
          .outOfRange,
          "record \(wanted) was trimmed; the first one that is kept is \(earliest.sequence)",
          position: earliest.position,
          sequence: earliest.sequence
        )
      }
      guard wanted <= end.sequence else {
        throw SpateError(
          .outOfRange,
          "record \(wanted) is beyond the end of the log; the next one to be appended is \(end.sequence)",
          position: end.position,
          sequence: end.sequence
        )
      }
      if wanted == end.sequence { return stand(at: end) }
      if let mark = log.tail?.lastChunk(where: { $0.baseSequence <= wanted }) {
        stand(at: mark)
      } else {
        stand(at: earliest)
        pendingSeek = .sequence(wanted)
      }
      skipBelow = wanted
      isSkipping = true
    case .time(let wanted):
      if let mark = log.tail?.lastChunk(where: { $0.openedTimestamp < wanted }) {
        stand(at: mark)
      } else {
        stand(at: earliest)
        pendingSeek = log.catalog.count == 0 ? nil : .time(wanted)
      }
      skipBefore = wanted
      isSkipping = true
    }
    place.sequence = nextSequence
  }

  /// Goes to a record that was kept when the place was saved; where what is kept begins, if it is not any more.
  mutating func resume(at wanted: UInt64) throws(SpateError) {
    guard wanted > earliest.sequence else { return stand(at: earliest) }
    do throws(SpateError) { try seek(to: .sequence(wanted)) } catch {
      guard error.code == .outOfRange, wanted < earliest.sequence else { throw error }
      stand(at: earliest)
    }
    place.sequence = nextSequence
  }

  /// The oldest place that is kept.
  private var earliest: LogMark {
    // In this order: without a segment in the catalog, nothing became durable before the look at it.
    let durable = log.watermarks.durable
    guard let first = log.catalog.first else { return durable }
    return LogMark(position: first.basePosition, sequence: first.baseSequence)
  }

  /// Behind what the followed level covers.
  private var latest: LogMark {
    switch level {
    case .durable: log.watermarks.durable
    case .written: log.watermarks.written
    case .published: log.claimedEnd
    }
  }

  private mutating func stand(at mark: LogMark) {
    letGo()
    position = mark.position
    sequence = mark.sequence
    neededByteCount = 0
    isSkipping = false
    skipBelow = 0
    skipBefore = 0
    pendingSeek = nil
    pendingError = nil
    seenTruncations = log.cursors.truncationCount
  }

  // MARK: On the disk

  /// Finds the chunk to begin at, by the segments' bases, then the footer, or chunk frames at the strides
  /// where there is none.
  mutating func resolve(_ seek: Seek) throws(SpateError) {
    let found: SegmentDescription? =
      switch seek {
      case .sequence(let wanted): log.catalog.segment(containingSequence: wanted)
      case .time(let wanted): log.catalog.segment(atTimestamp: wanted &- 1)
      }
    guard let segment = found else { return try passTrimmed() }
    var mark = LogMark(position: segment.basePosition, sequence: segment.baseSequence)
    log.cursors.beginUse(ofSegment: segment.number)
    defer { log.cursors.endUse(ofSegment: segment.number) }
    if log.contains(segment), let better = narrow(seek, in: segment) {
      mark = better
    }
    pendingSeek = nil
    position = mark.position
    sequence = mark.sequence
  }

  /// The last known chunk at or before what is sought. Hints only: whatever cannot be read is done without.
  private func narrow(_ seek: Seek, in segment: SegmentDescription) -> LogMark? {
    let storage = log.storage
    guard let file = try? storage.open(segment.path, .read) else { return nil }
    defer { storage.close(file) }
    if segment.endPosition != nil, let footer = footer(of: segment, in: file) {
      return footer.entries.last { seek.isAtOrBehind(sequence: $0.sequence, timestamp: $0.timestamp) }
        .map { LogMark(position: $0.position, sequence: $0.sequence) }
    }
    let end = min(
      segment.limitPosition,
      Format.alignDown(log.watermarks.durablePosition, to: segment.blockByteCount)
    )
    return bisect(seek, in: segment, file, before: end)
  }

  private func footer(of segment: SegmentDescription, in file: StorageFile) -> SegmentFooter? {
    let buffer = BlockBuffer(byteCount: Int(segment.byteCount - segment.footerOffset), alignment: 16)
    guard
      let count = try? unsafe log.storage.read(file, into: buffer.bytes, at: segment.footerOffset),
      count == buffer.byteCount
    else { return nil }
    return unsafe SegmentFooter(decoding: UnsafeRawBufferPointer(buffer.bytes), salt: segment.salt)
  }

  /// Searches the chunk frames at the strides: first where records of one size would put what is sought, from there in
  /// doubling steps until it is passed, and then by halves. A stride inside a large record has none: the one before it
  /// stands in.
  private func bisect(
    _ seek: Seek,
    in segment: SegmentDescription,
    _ file: StorageFile,
    before end: UInt64
  ) -> LogMark? {
    let stride = UInt64(Format.strideByteCount)
    guard end > segment.basePosition else { return nil }
    var low: UInt64 = 0
    var high = (end - segment.basePosition + stride - 1) / stride
    var expected = expectedStride(of: seek, in: segment, count: high)
    var step: UInt64 = 1
    var wasBehind: Bool?
    var best: LogMark?
    let buffer = BlockBuffer(byteCount: ChunkFrame.byteCount, alignment: 16)
    while low + 1 < high {
      let middle = expected.map { min(max($0, low + 1), high - 1) } ?? (low + high) / 2
      var probe = middle
      var found: (mark: LogMark, timestamp: UInt64)?
      while probe > low, found == nil {
        found = chunk(at: segment.basePosition + probe * stride, of: segment, in: file, buffer)
        if found == nil { probe -= 1 }
      }
      guard let found else {
        low = middle
        continue
      }
      let isBehind = seek.isAtOrBehind(sequence: found.mark.sequence, timestamp: found.timestamp)
      if isBehind {
        best = found.mark
        low = middle
      } else {
        high = probe
      }
      if expected != nil {
        let goesOn = wasBehind == nil || wasBehind == isBehind
        expected = goesOn ? (isBehind ? low + step : high - min(step, high)) : nil
        wasBehind = isBehind
        step *= 2
      }
    }
    return best
  }

  /// Where a sequence would stand if all records of the segment had one size; nil for a time.
  private func expectedStride(of seek: Seek, in segment: SegmentDescription, count: UInt64) -> UInt64? {
    guard case .sequence(let wanted) = seek else { return nil }
    guard wanted > segment.baseSequence else { return 0 }
    let end = max(wanted, segment.endSequence ?? log.watermarks.durableSequence)
    return UInt64(Double(wanted - segment.baseSequence) / Double(end - segment.baseSequence) * Double(count))
  }

  private func chunk(
    at position: UInt64,
    of segment: SegmentDescription,
    in file: StorageFile,
    _ buffer: BlockBuffer
  ) -> (mark: LogMark, timestamp: UInt64)? {
    let offset = segment.fileOffset(of: position)
    guard let count = try? unsafe log.storage.read(file, into: buffer.bytes, at: offset),
      count == buffer.byteCount
    else { return nil }
    // SAFETY: the buffer has the bytes of a whole chunk frame.
    let bytes = unsafe UnsafeRawPointer(buffer.bytes.baseAddress.unsafelyUnwrapped)
    guard let chunk = unsafe ChunkFrame(decodingFrame: bytes, position: position, salt: segment.salt) else {
      return nil
    }
    let mark = LogMark(position: position, sequence: chunk.baseSequence)
    return (mark, unsafe FrameHeader(decoding: bytes).timestamp)
  }
}

extension FrameReader.Seek {
  /// Whether reading may begin at a chunk with these first values.
  func isAtOrBehind(sequence: UInt64, timestamp: UInt64) -> Bool {
    switch self {
    case .sequence(let wanted): sequence <= wanted
    case .time(let wanted): timestamp < wanted
    }
  }
}
