import CSpate

// Reading what the ring does not hold any more: windows of segment files, of blocks that are final.
extension FrameReader {
  /// The data area is mapped in pieces of this, so that no frame but a run crosses from one to the next.
  static var windowByteCount: UInt64 { 4 << 20 }

  /// Makes the bytes at `position`, which is settled, available from a segment file. Nil to look again (the
  /// position moved on), false when the disk may not be read now.
  mutating func readSegment() throws(SpateError) -> Bool? {
    guard mayBlock else {
      needsDisk = true
      return false
    }
    if let failure = log.watermarks.failure, failure.code == .closed { throw failure }
    if let damage = log.catalog.damage(at: position) {
      try pass(damage, becauseOf: nil)
      return nil
    }
    guard let segment = log.catalog.segment(containing: position) else {
      try passTrimmed()
      return nil
    }
    if position >= segment.limitPosition {
      return try leave(segment) ? nil : false
    }
    // The mark is read after the description: if the segment ended below it, all of it is settled from here on.
    let settled = settledPosition
    // A batch that lost its end is not there at all, though its first frames look whole: nothing is read that is
    // known to be damaged.
    let end = min(segment.limitPosition, settled, log.catalog.damageBegin(after: position) ?? .max)
    let isFinal = segment.endPosition.map { $0 <= settled } ?? false
    let block = segment.blockByteCount
    let finalEnd = isFinal ? Format.alignUp(end, to: block) : Format.alignDown(end, to: block)
    let needed = position + neededByteCount
    guard needed <= end else {
      try meetDamage()
      return nil
    }
    let start = Format.alignDown(position, to: block)
    let wanted = Format.alignUp(position + max(neededByteCount, wantedByteCount), to: block)
    letGo()
    if start >= finalEnd || needed > finalEnd {
      return try copyTail(of: segment, from: start, to: end)
    }
    if !isFinal, log.tail == nil {
      // Mapping what another process writes to past the page cache would slow it down to a third.
      let enough = max(start + UInt64(Self.copyByteCount), wanted)
      return try copyTail(of: segment, from: start, to: min(end, enough))
    }
    let step = Self.windowByteCount
    let boundary = segment.basePosition + ((start - segment.basePosition) / step + 1) * step
    let windowEnd = min(finalEnd, max(boundary, wanted))
    guard let mapped = try map(segment, from: start, to: windowEnd, final: finalEnd) else { return nil }
    limit = min(mapped, end)
    return true
  }

  /// Moves behind a segment that was read to its end. False when nothing comes behind it.
  private mutating func leave(_ segment: SegmentDescription) throws(SpateError) -> Bool {
    letGo()
    neededByteCount = 0
    guard let next = log.catalog.segment(after: segment.number) else {
      let end = Format.alignUp(segment.limitPosition, to: segment.blockByteCount)
      guard position < end else { return false }
      position = end
      return true
    }
    let gap = DamagedRange(
      positions: position..<max(position, next.basePosition),
      sequences: sequence..<max(sequence, next.baseSequence),
      segmentNumber: segment.number
    )
    try pass(gap, becauseOf: nil)
    return true
  }

  /// Maps a window and returns its end. Nil when the segment went away meanwhile, or when nothing can be read
  /// at `position` and the reader moved behind it.
  private mutating func map(
    _ segment: SegmentDescription,
    from start: UInt64,
    to end: UInt64,
    final: UInt64
  ) throws(SpateError) -> UInt64? {
    let storage = log.storage
    log.cursors.beginUse(ofSegment: segment.number)
    var isKept = false
    defer { if !isKept { log.cursors.endUse(ofSegment: segment.number) } }
    // Registered first, then looked up once more: whoever trims does it the other way round.
    guard log.contains(segment) else { return nil }
    guard let open = try open(segment) else { return nil }
    // Where a part of the window cannot be read, no more is mapped than the next frame needs, and nothing in front.
    let needed = position + max(neededByteCount, UInt64(Format.frameAlignment))
    let smallest = min(final, Format.alignUp(needed, to: segment.blockByteCount))
    var failure: SpateError?
    let offset = segment.fileOffset(of: start)
    let before = Self.byteCountToHugePage(before: offset, of: segment)
    let attempts = smallest < end || before > 0 ? [(before, end), (0, smallest)] : [(0, end)]
    for (before, end) in attempts {
      do throws(SpateError) {
        let region = try unsafe storage.map(
          open.file,
          at: offset - UInt64(before),
          byteCount: Int(end - start) + before
        )
        isKept = true
        unsafe lend(
          .window(region, segmentNumber: segment.number, file: log.holdsFiles ? open : nil),
          UnsafeRawBufferPointer(rebasing: region[before...]),
          segment,
          from: start
        )
        return end
      } catch {
        guard error.code == .ioFailed else { throw error }
        failure = error
      }
    }
    try meetDamage(becauseOf: failure)
    return nil
  }

  /// How many bytes in front of a window are mapped with it. The kernel maps 2 MiB of a file in one step where they are
  /// aligned in the file, and the header block shifts all windows by its size.
  private static func byteCountToHugePage(before offset: UInt64, of segment: SegmentDescription) -> Int {
    let byteCount = offset % (2 << 20)
    return byteCount <= segment.dataOffset ? Int(byteCount) : 0
  }

  /// The segment's file, kept from the window before, or opened and kept for the next one. Nil when the segment
  /// went away.
  private mutating func open(_ segment: SegmentDescription) throws(SpateError) -> OpenSegment? {
    if let kept = openSegment, kept.number == segment.number { return kept }
    openSegment = nil
    guard let file = try log.openFile(of: segment, .read) else { return nil }
    let open = OpenSegment(number: segment.number, file: file, storage: log.storage)
    // Cursors that stand still far behind would use up the descriptors of the process.
    if log.cursors.count <= Self.keptFileLimit { openSegment = open }
    return open
  }

  /// With more cursors on a queue than this none keeps a file.
  private static var keptFileLimit: Int { 64 }

  /// Reads what is durable but not in final blocks into memory of its own, past the page cache: the block is
  /// written again. Nil when the segment went away meanwhile.
  private mutating func copyTail(
    of segment: SegmentDescription,
    from start: UInt64,
    to end: UInt64
  ) throws(SpateError) -> Bool? {
    let storage = log.storage
    let alignment = max(segment.blockByteCount, storage.blockByteCount)
    let memory = BlockBuffer(
      byteCount: Int(Format.alignUp(end, to: segment.blockByteCount) - start),
      alignment: alignment
    )
    log.cursors.beginUse(ofSegment: segment.number)
    defer { log.cursors.endUse(ofSegment: segment.number) }
    // As in `map`: after an open the log goes on in another segment, and this one may be trimmed.
    guard log.contains(segment) else { return nil }
    guard let file = try log.openFile(of: segment, .readDirect) else { return nil }
    defer { storage.close(file) }
    let count = try unsafe storage.read(file, into: memory.bytes, at: segment.fileOffset(of: start))
    guard UInt64(count) >= end - start else {
      throw SpateError(
        .ioFailed,
        "the segment file is shorter than what is durable; check the disk",
        path: segment.path,
        position: position
      )
    }
    unsafe lend(.copy(memory), UnsafeRawBufferPointer(memory.bytes), segment, from: start)
    limit = end
    return true
  }

  private mutating func lend(
    _ kind: Lease.Kind,
    _ region: UnsafeRawBufferPointer,
    _ segment: SegmentDescription,
    from start: UInt64
  ) {
    unsafe hold(
      Lease(kind, log: log, support: support),
      bytes: region.baseAddress,
      basePosition: start,
      salt: segment.salt,
      isVerifying: true
    )
    source = .segment(number: segment.number)
    neededByteCount = 0
  }

  /// Handles a place that is not kept any more: goes on where what is kept begins, or says so.
  mutating func passTrimmed() throws(SpateError) {
    if let first = log.catalog.first, first.basePosition > position, nextSequence >= first.baseSequence {
      // It stood behind the last record of what was trimmed: nothing that it was to read is gone.
      letGo()
      neededByteCount = 0
      position = first.basePosition
      sequence = first.baseSequence
      return
    }
    let first = log.catalog.first?.baseSequence ?? log.watermarks.durableSequence
    guard !passesTrimmed else { return try seek(to: .earliest) }
    throw SpateError(
      .outOfRange,
      "record \(nextSequence) was trimmed; the first one that is kept is \(first): seek there",
      position: position,
      sequence: first
    )
  }
}
