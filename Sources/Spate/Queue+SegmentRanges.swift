extension Queue {
  /// Pins the segment files that hold durable records, and says where in them: for brokers that send a log's bytes
  /// with `sendfile` and do not touch them. Blocks on the disk; any thread.
  ///
  /// The end of the log is left out as far as it lies in a block that is written again when the log grows: read it
  /// through a cursor, from ``SegmentRanges/endSequence`` on.
  ///
  /// - Parameters:
  ///   - sequence: the first record; nil begins at the oldest that is kept.
  ///   - end: the sequence behind the last record; nil goes as far as there are final blocks.
  ///   - limit: the most segments.
  /// - Throws: `outOfRange` for records that were trimmed or are beyond the end of the log; `invalidArgument` for an
  ///   end before the beginning; `resourceExhausted` without a descriptor left; `corrupt` and `ioFailed` when the
  ///   place cannot be found; `closed`.
  /// - Complexity: O(segments); and for a record inside a segment, or the end of the one that is appended to,
  ///   O(bytes of a chunk).
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
  private var place: LogMark
  private var pins: [SegmentPin] = []
  private(set) var ranges: [SegmentRange] = []

  init(_ core: QueueCore, from sequence: UInt64?, upTo end: UInt64?) throws(SpateError) {
    self.core = core
    settled = core.watermarks.durablePosition
    let first = core.firstSequence
    place = try Self.mark(of: sequence ?? first, in: core)
    let durable = core.watermarks.durableSequence
    self.end = if let end, end < durable { try Self.mark(of: end, in: core) } else { nil }
  }

  /// What was collected.
  var result: SegmentRanges { SegmentRanges(ranges: ranges, pins: pins, endSequence: place.sequence) }

  /// Adds the range of the next segment; false when there is nothing more in final blocks.
  mutating func addNext() throws(SpateError) -> Bool {
    let bound = min(end?.position ?? .max, settled)
    while place.position < bound, let segment = core.catalog.segment(containing: place.position) {
      guard let pin = try SegmentPin(segment, of: core) else { continue }
      let isWhole = pin.segment.endPosition.map { $0 <= settled } ?? false
      let stop = try stop(in: pin, isWhole: isWhole)
      let isMore = stop.position > place.position
      if isMore { add(pin, to: stop) }
      let isEnd = !isWhole || stop.position < pin.segment.limitPosition
      place = isEnd ? stop : core.catalog.segment(after: segment.number)?.use.base ?? stop
      if isMore || isEnd { return isMore }
    }
    return false
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
