/// A segment without records, made for a part of the log whose file is gone: one abandoned frame for each lost
/// sequence, so that readers pass over the place and the log is whole again. One thread.
struct MissingSegment {
  /// Parts of a log longer than this are left open.
  static let maximalByteCount: UInt64 = 4 << 30

  private let storage: any Storage
  private let directory: String
  private let segment: SegmentDescription
  private let identity: SegmentIdentity
  private let gap: DamageAnatomy.Gap

  /// Plans the segment for a range of the log between two segments, or beside one; nil when there is no number
  /// for it, or it would be too long.
  init?(
    for range: DamagedRange,
    in recovered: RecoveredQueue,
    storage: any Storage,
    directory: String
  ) {
    let segments = recovered.catalog.segments
    let next = segments.first { $0.basePosition >= range.positions.upperBound }
    let previous = segments.last { $0.basePosition < range.positions.lowerBound }
    let number: UInt64
    if let next {
      let first = previous.map { $0.number + 1 } ?? recovered.checkpoint.firstSegmentNumber
      guard next.number > first else { return nil }
      number = next.number - 1
    } else {
      number = recovered.nextSegmentNumber
    }
    let block = storage.blockByteCount
    let base = Format.alignUp(range.positions.lowerBound, to: block)
    let end = next?.use.cutPosition ?? range.positions.upperBound
    guard base < end, end - base <= Self.maximalByteCount else { return nil }
    self.storage = storage
    self.directory = directory
    gap = DamageAnatomy.Gap(positions: base..<end, sequences: range.sequences)
    let footerOffset = UInt64(block) + max(UInt64(block), Format.alignUp(end - base, to: block))
    let byteCount =
      footerOffset + Format.footerRegionByteCount(segmentByteCount: footerOffset, blockByteCount: block)
    let timestamp = next?.baseTimestamp ?? previous?.baseTimestamp ?? recovered.manifest.createdTimestamp
    segment = SegmentDescription(
      number: number,
      path: directory + "/" + Format.segmentName(number),
      byteCount: byteCount,
      footerOffset: footerOffset,
      blockByteCount: block,
      use: SegmentUse(
        salt: .random(in: 1...UInt64.max),
        basePosition: base,
        baseSequence: range.sequences.lowerBound,
        epoch: previous?.epoch ?? next?.epoch ?? recovered.epoch,
        baseTimestamp: timestamp,
        cutPosition: range.positions.lowerBound
      ),
      endPosition: end,
      endSequence: range.sequences.upperBound
    )
    identity = SegmentIdentity(
      blockByteCount: block,
      segmentNumber: number,
      byteCount: byteCount,
      footerOffset: footerOffset,
      queueIdentifier: recovered.manifest.queueIdentifier,
      createdTimestamp: timestamp
    )
  }

  /// Makes the file; nil, with nothing made, when the frames do not fit. Durable when it returns.
  func make() throws(SpateError) -> SegmentDescription? {
    let temporary =
      directory + "/" + Format.segmentName(segment.number, suffix: Format.preparingSuffix)
    if try storage.kind(of: temporary) != nil { try storage.remove(temporary) }
    let file = try storage.open(temporary, .createNewBuffered)
    do throws(SpateError) {
      guard try fill(file) else {
        storage.close(file)
        try storage.remove(temporary)
        return nil
      }
      try storage.sync(file)
    } catch {
      storage.close(file)
      try? storage.remove(temporary)
      throw error
    }
    storage.close(file)
    try storage.rename(temporary, to: segment.path)
    try storage.syncDirectory(directory)
    return segment
  }

  private func fill(_ file: StorageFile) throws(SpateError) -> Bool {
    try storage.allocate(file, byteCount: segment.byteCount)
    var filler = RangeFiller(
      storage: storage,
      file: file,
      segment: segment,
      at: gap.positions.lowerBound,
      timestamp: segment.baseTimestamp
    )
    let chunk = ChunkFrame(
      basePosition: segment.basePosition,
      baseSequence: segment.baseSequence,
      durablePosition: segment.use.cutPosition,
      durableSequence: segment.baseSequence,
      epoch: segment.epoch,
      statePosition: max(segment.basePosition, UInt64(Format.frameAlignment))
    )
    guard try filler.fill(gap, chunk: chunk) else { return false }
    let block = BlockBuffer(byteCount: segment.blockByteCount, alignment: segment.blockByteCount)
    unsafe identity.encode(into: block.bytes.baseAddress!)
    unsafe segment.use.encode(into: block.bytes.baseAddress! + Format.useSectorOffset)
    unsafe try storage.write(file, UnsafeRawBufferPointer(block.bytes), at: 0)
    return true
  }
}
