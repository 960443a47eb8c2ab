import CSpate

/// Walks the frames of a segment file through a window of memory. One thread.
///
/// A frame larger than the window is checked in pieces: its body is not in memory then.
struct SegmentWalk {
  /// One step.
  enum Step {
    /// A valid frame; its body lies in the window at the frame's offset if `isInMemory`.
    case frame(FrameScanner.Frame, isInMemory: Bool)
    /// The segment's part of the log ends here.
    case end
    /// No valid frame begins at the walk's position.
    case invalid
  }

  private let file: SegmentFile
  private let segment: SegmentDescription
  private let limit: UInt64
  private let window: BlockBuffer
  private var scanner: FrameScanner

  /// Where the walk stands: the end of the last valid frame, or the block after a padding word.
  var position: UInt64 { scanner.position }
  /// The sequence of the next record.
  var sequence: UInt64 { scanner.sequence }

  /// A walk from `start`, where the next record has `sequence`, to `limit`, reading through windows of
  /// `windowByteCount` bytes, whole blocks.
  init(
    file: SegmentFile,
    segment: SegmentDescription,
    start: UInt64,
    sequence: UInt64,
    limit: UInt64,
    windowByteCount: Int = 1 << 20
  ) {
    self.file = file
    self.segment = segment
    self.limit = limit
    let base = Format.alignDown(start, to: segment.blockByteCount)
    let rest = Format.alignUp(max(limit, base) - base, to: segment.blockByteCount)
    window = BlockBuffer(
      byteCount: Int(min(UInt64(windowByteCount), rest)),
      alignment: Format.minimumBlockByteCount,
      isZeroed: false
    )
    // SAFETY: an empty range; the first step asks for bytes.
    scanner = unsafe FrameScanner(
      bytes: UnsafeRawBufferPointer(rebasing: window.bytes[..<0]),
      basePosition: start,
      start: start,
      sequence: sequence,
      salt: segment.salt,
      blockByteCount: segment.blockByteCount,
      limit: limit
    )
  }

  /// Takes a step.
  mutating func next() -> Step {
    var isRefilled = false
    while true {
      switch scanner.next() {
      case .frame(let frame): return .frame(frame, isInMemory: true)
      case .end: return .end
      case .invalid: return .invalid
      case .needsBytes(let position, let byteCount):
        guard byteCount <= limit - position else { return .invalid }
        guard isRefilled else {
          refill(at: position)
          isRefilled = true
          continue
        }
        guard let frame = checkLarge(at: position) else { return .invalid }
        scanner.pass(frame)
        return .frame(frame, isInMemory: false)
      }
    }
  }

  /// Copies a part of a frame's body that is in memory.
  func bytes(at offset: Int, count: Int) -> [UInt8] {
    // SAFETY: the slice is checked against the window's bounds.
    unsafe Array(UnsafeRawBufferPointer(window.bytes)[offset..<(offset + count)])
  }

  /// Reads the window anew, from the block of `position` on.
  private mutating func refill(at position: UInt64) {
    let base = Format.alignDown(position, to: segment.blockByteCount)
    let count = min(window.byteCount, Int(limit - base))
    let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: window.bytes[..<count])
    unsafe file.read(into: bytes, at: segment.fileOffset(of: base))
    // SAFETY: the window lives as long as this walk, and is only written here, when the scanner is replaced.
    scanner = unsafe FrameScanner(
      bytes: UnsafeRawBufferPointer(bytes),
      basePosition: base,
      start: position,
      sequence: scanner.sequence,
      salt: segment.salt,
      blockByteCount: segment.blockByteCount,
      limit: limit
    )
  }

  /// Checks a frame that does not fit the window, whose stamp and lengths the scanner has accepted.
  private func checkLarge(at position: UInt64) -> FrameScanner.Frame? {
    let piece = BlockBuffer(byteCount: 1 << 20, alignment: Format.minimumBlockByteCount, isZeroed: false)
    unsafe file.read(
      into: UnsafeMutableRawBufferPointer(rebasing: piece.bytes[..<FrameHeader.byteCount]),
      at: segment.fileOffset(of: position)
    )
    let start = unsafe UnsafeRawPointer(piece.bytes.baseAddress!)
    let header = unsafe FrameHeader(decoding: start)
    guard header.isWellFormed, UInt64(header.frameByteCount) <= limit - position, header.type != .chunk else {
      return nil
    }
    var checksum = unsafe spate_crc32c(0, start + 12, 20)
    var offset = segment.fileOffset(of: position) + UInt64(FrameHeader.byteCount)
    var rest = header.checkedByteCount
    while rest > 0 {
      let count = min(rest, piece.byteCount)
      unsafe file.read(into: UnsafeMutableRawBufferPointer(rebasing: piece.bytes[..<count]), at: offset)
      checksum = unsafe spate_crc32c(checksum, start, count)
      offset += UInt64(count)
      rest -= count
    }
    guard checksum == header.checksum else { return nil }
    return FrameScanner.Frame(
      header: header,
      position: position,
      endPosition: position + UInt64(header.frameByteCount),
      bodyOffset: 0,
      sequence: scanner.sequence
    )
  }
}
