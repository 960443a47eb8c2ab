/// Finds the end of a log: walks its frames from a proven place on, and judges what it meets.
///
/// The judgement is one rule. A place where no valid frame begins is *damage* if anything proves that the log
/// was durable beyond it, and the walk goes on behind it; otherwise it is the end, and what stands behind it
/// was never durable. One thread.
struct LogScan {
  /// The segments of the log, oldest first.
  let chain: [SegmentDescription]
  /// Opens a segment's file, locked, and keeps it open until what was scanned is synced.
  let open: (SegmentDescription) throws(SpateError) -> SegmentFile
  /// What is known to have been durable.
  var proven: LogMark

  /// What was found on the way.
  private(set) var findings: [RecoveryReport.Finding] = []
  /// State frames, in order.
  private(set) var stateFrames: [StateFrame] = []
  /// The highest epoch in a chunk frame.
  private(set) var epoch: UInt64 = 0

  /// Starts with what headers, footers, probes and checkpoint prove.
  init(
    chain: [SegmentDescription],
    proven: LogMark,
    open: @escaping (SegmentDescription) throws(SpateError) -> SegmentFile
  ) {
    self.chain = chain
    self.proven = proven
    self.open = open
  }

  /// Where a segment's part of the log ends at the latest.
  static func limit(of index: Int, in chain: [SegmentDescription]) -> UInt64 {
    let capacity = chain[index].capacityPosition
    return index + 1 < chain.count ? min(capacity, chain[index + 1].use.cutPosition) : capacity
  }

  /// Scans from `start`, a place in segment `index`, to the log's end. Returns that place and the index of
  /// the last segment that is part of the log.
  mutating func run(from start: LogMark, inSegment index: Int) throws(SpateError) -> (
    end: LogMark, index: Int
  ) {
    var index = index
    var place = start
    while true {
      let segment = chain[index]
      let limit = Self.limit(of: index, in: chain)
      let file = try open(segment)
      let next = index + 1 < chain.count ? chain[index + 1] : nil
      var isWhole: Bool
      (place, isWhole) = walk(file, segment, from: place, limit: limit)
      if let next {
        if leads(place, to: next, isWhole: isWhole, blockByteCount: segment.blockByteCount) {
          index += 1
          place = next.use.base
          continue
        }
      } else if isWhole {
        return (place, index)
      }
      let search = ChunkSearch(file: file, segment: segment, limit: limit)
      let evidence = self.evidence(behind: place, search: search)
      for chunk in evidence { proven.raise(to: chunk.durable) }
      guard proven.position > place.position else {
        noteTornTail(at: place, evidence: evidence, search: search, dropsSegments: next != nil)
        return (place, index)
      }
      let target = readOn(behind: place, evidence: evidence, search: search)
      let end =
        target?.base ?? next?.use.base
        ?? LogMark(
          position: proven.position,
          sequence: max(place.sequence, proven.sequence)
        )
      findings.append(
        .damage(
          DamagedRange(
            positions: place.position..<max(place.position, end.position),
            sequences: place.sequence..<max(place.sequence, end.sequence),
            segmentNumber: segment.number
          )
        )
      )
      place = end
      if target == nil {
        guard next != nil else { return (end, index) }
        index += 1
      }
    }
  }

  /// Whether the log goes on in `next`: it was cut exactly here, or it begins at the next block with the next
  /// sequence.
  private func leads(
    _ place: LogMark,
    to next: SegmentDescription,
    isWhole: Bool,
    blockByteCount: Int
  ) -> Bool {
    guard place.sequence == next.baseSequence else { return false }
    if isWhole && place.position == next.use.cutPosition { return true }
    return Format.alignUp(place.position, to: max(blockByteCount, next.blockByteCount)) == next.basePosition
  }

  /// Walks a segment's frames; returns the end of the last whole batch, and whether that is the limit.
  private mutating func walk(
    _ file: SegmentFile,
    _ segment: SegmentDescription,
    from start: LogMark,
    limit: UInt64
  ) -> (LogMark, isWhole: Bool) {
    guard start.position < limit else { return (start, start.position == limit) }
    var walk = SegmentWalk(
      file: file,
      segment: segment,
      start: start.position,
      sequence: start.sequence,
      limit: limit
    )
    var good = start
    var isInBatch = false
    var pending: [StateFrame] = []
    while true {
      guard case .frame(let frame, let isInMemory) = walk.next() else { break }
      let isChunk = frame.header.type == .chunk
      if isChunk {
        if isInBatch { return (good, false) }
        note(chunk: walk.bytes(at: frame.bodyOffset, count: ChunkFrame.bodyByteCount))
      } else if frame.header.type.isState, isInMemory {
        pending.append(stateFrame(frame, in: walk))
      }
      isInBatch = frame.header.flags.contains(.continues) && !isChunk
      if !isInBatch {
        good = LogMark(position: walk.position, sequence: walk.sequence)
        stateFrames.append(contentsOf: pending)
        pending.removeAll()
      }
    }
    guard !isInBatch else { return (good, false) }
    return (LogMark(position: walk.position, sequence: walk.sequence), walk.position >= limit)
  }

  private mutating func note(chunk body: [UInt8]) {
    // SAFETY: the array has the 48 bytes of a chunk's body.
    let chunk = unsafe body.withUnsafeBytes { unsafe ChunkFrame(decodingBody: $0.baseAddress!) }
    proven.raise(to: chunk.durable)
    epoch = max(epoch, chunk.epoch)
  }

  private func stateFrame(_ frame: FrameScanner.Frame, in walk: SegmentWalk) -> StateFrame {
    let header = frame.header
    let keyOffset = frame.bodyOffset + header.payloadByteCount
    return StateFrame(
      position: frame.position,
      sequence: frame.sequence,
      type: header.type,
      payload: walk.bytes(at: frame.bodyOffset, count: header.payloadByteCount),
      key: walk.bytes(at: keyOffset, count: header.keyByteCount),
      headers: walk.bytes(at: keyOffset + header.keyByteCount, count: header.headersByteCount)
    )
  }

  /// The chunk frames behind a place where no valid frame begins: at every stride, and at every block up to
  /// two strides behind the last of those and behind the frame that the place itself announces.
  private func evidence(behind place: LogMark, search: ChunkSearch) -> [ChunkFrame] {
    guard place.position < search.limit else { return [] }
    let far = search.chunksAtStrides(from: place.position)
    let near = search.chunks(from: place.position, before: nearEnd(of: place, far: far, search: search))
    let last = near.last?.basePosition ?? 0
    return near + far.filter { near.isEmpty || $0.basePosition > last }
  }

  private func nearEnd(of place: LogMark, far: [ChunkFrame], search: ChunkSearch) -> UInt64 {
    let segment = search.segment
    let announced = search.announcedEnd(at: place.position) ?? place.position
    let start = max(announced, far.last?.basePosition ?? 0)
    let offset = Format.alignUp(start - segment.basePosition + 1, to: Format.strideByteCount)
    return min(search.limit, segment.basePosition + offset + UInt64(Format.strideByteCount))
  }

  /// The chunk behind damage from which to read on in the same segment.
  private func readOn(behind place: LogMark, evidence: [ChunkFrame], search: ChunkSearch) -> ChunkFrame? {
    func isBehind(_ chunk: ChunkFrame) -> Bool {
      chunk.baseSequence >= place.sequence && chunk.base != place
    }
    if let chunk = evidence.first(where: isBehind) { return chunk }
    guard place.position < search.limit else { return nil }
    return search.chunks(from: place.position, before: search.limit).first(where: isBehind)
  }

  private mutating func noteTornTail(
    at place: LogMark,
    evidence: [ChunkFrame],
    search: ChunkSearch,
    dropsSegments: Bool
  ) {
    let far = evidence.last.map { [$0] } ?? []
    let end =
      place.position < search.limit
      ? search.endOfStampedFrames(
        from: place.position,
        before: nearEnd(of: place, far: far, search: search)
      ) : nil
    guard end != nil || dropsSegments else { return }
    findings.append(
      .tornTail(
        position: place.position,
        byteCount: (end ?? place.position) - place.position,
        segmentNumber: search.segment.number
      )
    )
  }
}
