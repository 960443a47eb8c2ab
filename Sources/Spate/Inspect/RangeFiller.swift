import CSpate

/// Writes frames that readers pass over into a range of a segment: one abandoned frame for each sequence that is
/// lost, and void frames for the rest. One thread.
///
///     │ chunk │ abandoned │ abandoned │ … │ void, up to 1 MiB │ void │
///
/// A range that begins at a block gets a chunk frame first, so that searches and recovery find their way.
struct RangeFiller {
  private static let pieceByteCount = 1 << 20

  private let storage: any Storage
  private let file: StorageFile
  private let segment: SegmentDescription
  private let timestamp: UInt64
  private let buffer = BlockBuffer(byteCount: pieceByteCount, alignment: Format.minimumBlockByteCount)
  /// Where the next frame goes.
  private var position: UInt64
  /// The bytes of `buffer` that are not written yet; they end at `position`.
  private var filled = 0

  /// How a range is filled: how many bytes each part takes.
  private struct Plan {
    var hasChunk: Bool
    /// The bytes of the last abandoned frame; the others have 32.
    var lastAbandoned: Int
    var voidByteCount: UInt64
  }

  /// Frames from `position` on, which all say that they were appended at `timestamp`. No later than the frames
  /// behind them, and no earlier than those before: searches by time rely on chunks that ascend.
  init(
    storage: any Storage,
    file: StorageFile,
    segment: SegmentDescription,
    at position: UInt64,
    timestamp: UInt64
  ) {
    self.storage = storage
    self.file = file
    self.segment = segment
    self.timestamp = timestamp
    self.position = position
  }

  /// Fills the gap. False, with nothing written, when the frames do not fit.
  ///
  /// - Parameters:
  ///   - gap: positions and lost sequences.
  ///   - chunk: what a chunk frame at the beginning says; its position and sequence are the gap's.
  mutating func fill(_ gap: DamageAnatomy.Gap, chunk: ChunkFrame) throws(SpateError) -> Bool {
    guard let plan = plan(for: gap) else { return false }
    if plan.hasChunk { try appendChunk(chunk) }
    var left = gap.sequences.count
    while left > 0 {
      try appendFrame(.abandoned, byteCount: left == 1 ? plan.lastAbandoned : FrameHeader.byteCount)
      left -= 1
    }
    var rest = plan.voidByteCount
    while rest > 0 {
      // What would be left over must hold a frame too.
      let count =
        rest <= UInt64(Self.pieceByteCount) ? Int(rest) : Self.pieceByteCount - FrameHeader.byteCount
      try appendFrame(.void, byteCount: count)
      rest -= UInt64(count)
    }
    try flush()
    return true
  }

  private func plan(for gap: DamageAnatomy.Gap) -> Plan? {
    let header = UInt64(FrameHeader.byteCount)
    let byteCount = gap.positions.upperBound - gap.positions.lowerBound
    guard UInt64(gap.sequences.count) <= byteCount / header else { return nil }
    let isAtBlock = gap.positions.lowerBound % UInt64(segment.blockByteCount) == 0
    for hasChunk in isAtBlock ? [true, false] : [false] {
      let needed = (hasChunk ? UInt64(ChunkFrame.byteCount) : 0) + UInt64(gap.sequences.count) * header
      guard needed <= byteCount else { continue }
      let rest = byteCount - needed
      if rest == 0 || rest >= header {
        return Plan(hasChunk: hasChunk, lastAbandoned: FrameHeader.byteCount, voidByteCount: rest)
      }
      if !gap.sequences.isEmpty {
        return Plan(hasChunk: hasChunk, lastAbandoned: FrameHeader.byteCount + Int(rest), voidByteCount: 0)
      }
    }
    return nil
  }

  // MARK: Frames

  private mutating func appendChunk(_ chunk: ChunkFrame) throws(SpateError) {
    let frame = unsafe try room(for: ChunkFrame.byteCount)
    // SAFETY: `room` gave us these bytes.
    unsafe chunk.encode(into: frame, salt: segment.salt, timestamp: timestamp)
  }

  private mutating func appendFrame(_ type: FrameType, byteCount: Int) throws(SpateError) {
    let start = position
    let frame = unsafe try room(for: byteCount)
    var header = FrameHeader(
      type: type,
      timestamp: timestamp,
      bodyByteCount: byteCount - FrameHeader.byteCount,
      stamp: Format.stamp(salt: segment.salt, position: start)
    )
    // SAFETY: `room` gave us these bytes, zeroed.
    unsafe header.encode(into: frame)
    header.checksum = unsafe header.computedChecksum(ofFrame: UnsafeRawPointer(frame))
    unsafe header.encode(into: frame)
  }

  /// Zeroed bytes for the next frame.
  @unsafe
  private mutating func room(for byteCount: Int) throws(SpateError) -> UnsafeMutableRawPointer {
    if filled + byteCount > buffer.byteCount { try flush() }
    let start = unsafe buffer.bytes.baseAddress! + filled
    unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    filled += byteCount
    position += UInt64(byteCount)
    return unsafe start
  }

  private mutating func flush() throws(SpateError) {
    guard filled > 0 else { return }
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[..<filled])
    unsafe try storage.write(file, bytes, at: segment.fileOffset(of: position - UInt64(filled)))
    filled = 0
  }
}
