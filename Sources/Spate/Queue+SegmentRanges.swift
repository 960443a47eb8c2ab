extension Queue {
  /// Pins the segment files that hold durable records, and says where in them: for brokers that send a log's bytes
  /// with `sendfile` and do not touch them. Blocks on the disk; any thread.
  ///
  /// What lies in the last, unfinished block of the log is given out as a range of a file in memory, a copy: that block
  /// is written again as the log grows, past the page cache, and what `sendfile` took of it may be held by a socket for
  /// long. The kernel can then not drop the page when the block is written, and reports that as a failed sync.
  ///
  /// - Parameters:
  ///   - sequence: the first record; nil begins at the oldest that is kept.
  ///   - end: the sequence behind the last record; nil goes as far as the log is durable.
  ///   - limit: the most ranges.
  /// - Throws: `outOfRange` for records that were trimmed or are beyond the end of the log; `invalidArgument` for an
  ///   end before the beginning; `resourceExhausted` without a descriptor left; `corrupt` and `ioFailed` when the
  ///   place cannot be found; `closed`.
  /// - Complexity: O(segments); and for a record inside a segment, or the end of the one that is appended to,
  ///   O(bytes of a chunk). What is copied is less than a block and a record that shares a chunk with others.
  @available(*, noasync)
  public func segmentRanges(
    from sequence: UInt64? = nil,
    upTo end: UInt64? = nil,
    maximalCount limit: Int = 64
  ) throws(SpateError) -> SegmentRanges {
    if let sequence, let end, end < sequence {
      throw SpateError(.invalidArgument, "the end \(end) lies before the beginning \(sequence)")
    }
    if let failure = core.watermarks.failure, failure.code == .closed { throw failure }
    var finder = try SegmentRangeFinder(core, from: sequence, upTo: end)
    while finder.ranges.count < limit, try finder.addNext() {}
    return finder.result
  }
}

/// Collects the ranges of a log, segment by segment. One thread.
struct SegmentRangeFinder {
  private let core: QueueCore
  private let settled: UInt64
  private let end: LogMark?
  /// The record to begin with; nil for the first that is kept.
  private let begin: UInt64?
  private var place: LogMark
  private var pins: [SegmentPin] = []
  private var copies: [MemoryFile] = []
  private(set) var ranges: [SegmentRange] = []

  init(_ core: QueueCore, from sequence: UInt64?, upTo end: UInt64?) throws(SpateError) {
    self.core = core
    settled = core.watermarks.durablePosition
    begin = sequence
    place = try Self.mark(of: sequence ?? core.firstSequence, in: core)
    let durable = core.watermarks.durableSequence
    self.end = if let end, end < durable { try Self.mark(of: end, in: core) } else { nil }
  }

  /// What was collected.
  var result: SegmentRanges {
    SegmentRanges(ranges: ranges, pins: pins, copies: copies, endSequence: place.sequence)
  }

  /// Adds the range of the next segment, or of what is durable behind its final blocks; false when there is nothing
  /// more.
  mutating func addNext() throws(SpateError) -> Bool {
    let bound = min(end?.position ?? .max, settled)
    while place.position < bound {
      guard let segment = core.catalog.segment(containing: place.position) else {
        // Trimmed since it was looked up. Who had ranges before it goes on at their end, and is told then.
        guard ranges.isEmpty, let first = core.catalog.first, first.basePosition > place.position else {
          break
        }
        place = try Self.mark(of: begin ?? core.firstSequence, in: core)
        continue
      }
      guard let pin = try SegmentPin(segment, of: core) else { continue }
      let isWhole = pin.segment.endPosition.map { $0 <= settled } ?? false
      let stop = try stop(in: pin, isWhole: isWhole)
      let isMore = stop.position > place.position
      if isMore { add(pin, to: stop) }
      let isEnd = !isWhole || stop.position < pin.segment.limitPosition
      place = isEnd ? stop : core.catalog.segment(after: segment.number)?.use.base ?? stop
      if isMore { return true }
      if isEnd { return try addTail(of: pin.segment, upTo: bound) }
    }
    return false
  }

  /// Adds a copy of the frames that begin at the place and are durable, which lie in blocks that are written again.
  private mutating func addTail(of segment: SegmentDescription, upTo end: UInt64) throws(SpateError) -> Bool {
    let limit = min(end, segment.limitPosition)
    guard place.position < limit else { return false }
    let base = Format.alignDown(place.position, to: segment.blockByteCount)
    let memory = BlockBuffer(
      byteCount: Int(Format.alignUp(limit, to: segment.blockByteCount) - base),
      alignment: max(segment.blockByteCount, core.storage.blockByteCount)
    )
    // Past the page cache, which must not hold what is written again.
    guard let file = try core.openFile(of: segment, .readDirect) else { return false }
    defer { core.storage.close(file) }
    let count = try unsafe core.storage.read(file, into: memory.bytes, at: segment.fileOffset(of: base))
    // SAFETY: the memory lives until the end of this call, and is not written any more.
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: memory.bytes[..<min(count, Int(limit - base))])
    var scanner = unsafe FrameScanner(
      bytes: bytes,
      basePosition: base,
      start: place.position,
      sequence: place.sequence,
      salt: segment.salt,
      blockByteCount: segment.blockByteCount,
      limit: limit
    )
    while case .frame = scanner.next() {}
    let stop = LogMark(position: scanner.position, sequence: scanner.sequence)
    guard stop.position > place.position else { return false }
    let tail = unsafe UnsafeRawBufferPointer(
      rebasing: bytes[Int(place.position - base)..<Int(stop.position - base)]
    )
    let copy = try unsafe MemoryFile(tail.bytes)
    ranges.append(
      SegmentRange(
        fileDescriptor: copy.descriptor,
        offset: 0,
        byteCount: stop.position - place.position,
        position: place.position,
        salt: segment.salt,
        sequences: place.sequence..<stop.sequence
      )
    )
    copies.append(copy)
    place = stop
    return true
  }

  private mutating func add(_ pin: SegmentPin, to stop: LogMark) {
    ranges.append(
      SegmentRange(
        fileDescriptor: pin.open.file.descriptor,
        offset: pin.segment.fileOffset(of: place.position),
        byteCount: stop.position - place.position,
        position: place.position,
        salt: pin.segment.salt,
        sequences: place.sequence..<stop.sequence
      )
    )
    pins.append(pin)
  }

  /// Up to where a segment's frames are wanted and final.
  private func stop(in pin: SegmentPin, isWhole: Bool) throws(SpateError) -> LogMark {
    let segment = pin.segment
    let final =
      isWhole
      ? segment.limitPosition
      : Format.alignDown(min(settled, segment.limitPosition), to: segment.blockByteCount)
    if let end, end.position <= final { return end }
    if isWhole, let sequence = segment.endSequence {
      return LogMark(position: segment.limitPosition, sequence: sequence)
    }
    return try lastFrameEnd(in: pin, before: final)
  }

  /// The end of the last frame that lies whole below `limit`.
  private func lastFrameEnd(in pin: SegmentPin, before limit: UInt64) throws(SpateError) -> LogMark {
    let known = core.ring.lastChunk { $0.basePosition <= limit }
    let start = known.flatMap { $0.position > place.position ? $0 : nil } ?? place
    guard start.position < limit else { return place }
    let file = try SegmentFile(storage: core.storage, path: pin.segment.path)
    var walk = SegmentWalk(
      file: file,
      segment: pin.segment,
      start: start.position,
      sequence: start.sequence,
      limit: limit
    )
    while case .frame = walk.next() {}
    return LogMark(position: walk.position, sequence: walk.sequence)
  }

  /// Where the frame of a record begins; the durable end for the record that comes next.
  private static func mark(of sequence: UInt64, in core: QueueCore) throws(SpateError) -> LogMark {
    let durable = core.watermarks.durable
    if let segment = core.catalog.segment(containingSequence: sequence), segment.baseSequence == sequence,
      segment.basePosition <= durable.position
    {
      return segment.use.base
    }
    guard sequence < durable.sequence else {
      if sequence == durable.sequence { return durable }
      throw SpateError(
        .outOfRange,
        "record \(sequence) is not durable; the end of what is durable is \(durable.sequence)",
        sequence: durable.sequence
      )
    }
    var reader = FrameReader(log: core, level: .durable)
    try reader.seek(to: .sequence(sequence))
    guard try reader.advance() else { return durable }
    return LogMark(
      position: reader.position - UInt64(reader.frameByteCount),
      sequence: reader.frameSequence
    )
  }
}
