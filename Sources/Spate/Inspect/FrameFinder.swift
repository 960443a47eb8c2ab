import CSpate

/// Finds whole frames in a range of a segment that cannot be walked from its beginning. One thread.
///
/// A stamp names its own place and use of the file, so a frame can be told wherever it stands.
struct FrameFinder {
  /// A frame whose checksum is right.
  struct Found: Equatable {
    var position: UInt64
    /// Where the next frame begins, behind a padding word if one follows.
    var nextPosition: UInt64
    var takesSequence: Bool
    var flags: FrameFlags
  }

  private let buffer: BlockBuffer
  private let segment: SegmentDescription
  private let base: UInt64
  private let positions: Range<UInt64>

  /// Reads the range, which must not be empty.
  init(file: SegmentFile, segment: SegmentDescription, positions: Range<UInt64>) {
    self.segment = segment
    self.positions = positions
    base = Format.alignDown(positions.lowerBound, to: segment.blockByteCount)
    buffer = BlockBuffer(
      byteCount: Int(positions.upperBound - base),
      alignment: Format.minimumBlockByteCount
    )
    unsafe file.read(into: buffer.bytes, at: segment.fileOffset(of: base))
  }

  /// All whole frames, ascending.
  func frames() -> [Found] {
    var found: [Found] = []
    var position = positions.lowerBound
    while position + UInt64(FrameHeader.byteCount) <= positions.upperBound {
      if let frame = frame(at: position) {
        found.append(frame)
        position = frame.nextPosition
      } else {
        position += UInt64(Format.frameAlignment)
      }
    }
    return found
  }

  /// How many sequences the frames of a gap take, from their headers alone; nil when those do not lead exactly
  /// from its beginning to its end.
  func sequenceCount(in gap: Range<UInt64>) -> UInt64? {
    var position = gap.lowerBound
    var count: UInt64 = 0
    while position < gap.upperBound {
      guard let header = header(at: position), header.type.rawValue >= 1, header.type.rawValue <= 7 else {
        return nil
      }
      if header.type.takesSequence { count += 1 }
      position = behindPadding(position + UInt64(header.frameByteCount))
    }
    return position == gap.upperBound ? count : nil
  }

  // MARK: Bytes

  private func frame(at position: UInt64) -> Found? {
    guard let header = header(at: position) else { return nil }
    // SAFETY: the whole frame lies within the buffer.
    let frame = unsafe UnsafeRawPointer(buffer.bytes.baseAddress!) + Int(position - base)
    guard unsafe header.computedChecksum(ofFrame: frame) == header.checksum else { return nil }
    if header.type == .chunk {
      guard unsafe ChunkFrame(decodingFrame: frame, position: position, salt: segment.salt) != nil else {
        return nil
      }
    }
    return Found(
      position: position,
      nextPosition: behindPadding(position + UInt64(header.frameByteCount)),
      takesSequence: header.type.takesSequence,
      flags: header.type == .chunk ? [] : header.flags
    )
  }

  /// The header at a place that bears its stamp, of a frame that fits the range.
  private func header(at position: UInt64) -> FrameHeader? {
    guard position + UInt64(FrameHeader.byteCount) <= positions.upperBound else { return nil }
    // SAFETY: 32 bytes are there.
    let header = unsafe FrameHeader(decoding: buffer.bytes.baseAddress! + Int(position - base))
    guard header.stamp == Format.stamp(salt: segment.salt, position: position), header.isWellFormed,
      UInt64(header.frameByteCount) <= positions.upperBound - position
    else { return nil }
    return header
  }

  /// The next block if a padding word stands at `position`, else `position` itself.
  private func behindPadding(_ position: UInt64) -> UInt64 {
    guard position + 8 <= positions.upperBound else { return position }
    // SAFETY: eight bytes are there.
    let word = unsafe UInt64(
      littleEndian: buffer.bytes.loadUnaligned(fromByteOffset: Int(position - base), as: UInt64.self)
    )
    guard word == Format.stamp(salt: segment.salt, position: position) ^ Format.paddingMask else {
      return position
    }
    return min(positions.upperBound, Format.alignUp(position + 8, to: segment.blockByteCount))
  }
}
