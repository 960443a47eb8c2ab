import CSpate

// What cannot be read: said once, with the exact range, and passed over.
extension FrameReader {
  /// Handles bytes at `position` that are durable and not a valid frame: throws `corrupt` with the records
  /// that are lost, and stands behind them, at the next chunk that can be read. Returns when no record that
  /// was asked for is lost.
  ///
  /// - Parameter cause: what the disk said, when it gave no bytes at all. Only damage that was seen is noted
  ///   in the catalog.
  @inline(never)
  mutating func meetDamage(becauseOf cause: SpateError? = nil) throws(SpateError) {
    neededByteCount = 0
    letGo()
    // The search reads the disk: the bytes are looked at again where that may be done.
    guard mayBlock else { return }
    if let known = log.catalog.damage(at: position) { return try pass(known, becauseOf: cause) }
    guard let segment = log.catalog.segment(containing: position) else { return try passTrimmed() }
    let next = try nextReadable(in: segment)
    let lost = DamagedRange(
      positions: position..<max(position, next.position),
      sequences: sequence..<max(sequence, next.sequence),
      segmentNumber: segment.number
    )
    if cause == nil { log.catalog.add(lost) }
    try pass(lost, becauseOf: cause)
  }

  /// Goes on behind a range that cannot be read; throws if records that were asked for are in it.
  mutating func pass(_ lost: DamagedRange, becauseOf cause: SpateError?) throws(SpateError) {
    letGo()
    neededByteCount = 0
    let first = nextSequence
    let begin = position
    position = max(position, lost.positions.upperBound)
    sequence = max(sequence, lost.sequences.upperBound)
    place.sequence = nextSequence
    guard first < sequence else { return }
    throw SpateError(
      cause == nil ? .corrupt : .ioFailed,
      "records \(first) to \(sequence - 1) cannot be read"
        + (cause.map { ": \($0.message)" } ?? ": their bytes do not match their checksums")
        + "; reading goes on at record \(sequence). Restore them from a copy, if there is one",
      systemErrorNumber: cause?.systemErrorNumber ?? 0,
      path: cause?.path ?? log.catalog.segment(containing: begin)?.path,
      position: begin,
      sequence: first
    )
  }

  /// The next place behind `position` where a valid frame begins: a chunk of this segment, the next segment,
  /// or the durable end.
  private func nextReadable(in segment: SegmentDescription) throws(SpateError) -> LogMark {
    // The durable mark is read first: what ends the segment afterwards lies at or beyond it.
    let durable = log.watermarks.durable
    let isFinal = segment.endPosition.map { $0 <= durable.position } ?? false
    let block = segment.blockByteCount
    let limit = isFinal ? segment.limitPosition : Format.alignDown(durable.position, to: block)
    log.cursors.beginUse(ofSegment: segment.number)
    defer { log.cursors.endUse(ofSegment: segment.number) }
    if log.contains(segment), let open = try log.openFile(of: segment, .read) {
      let file = try SegmentFile(storage: log.storage, path: segment.path, open: open)
      let search = ChunkSearch(file: file, segment: segment, limit: limit)
      var start = Format.alignDown(position, to: block) + UInt64(block)
      while start < limit {
        let end = min(limit, start + Self.windowByteCount)
        if let chunk = search.chunks(from: start, before: end).first(where: { $0.baseSequence >= sequence }) {
          return LogMark(position: chunk.basePosition, sequence: chunk.baseSequence)
        }
        start = end
      }
    }
    if isFinal, let next = log.catalog.segment(after: segment.number) {
      return LogMark(position: next.basePosition, sequence: next.baseSequence)
    }
    return durable
  }
}
