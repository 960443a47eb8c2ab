import CSpate

/// Walks the frames of one segment in memory, from a frame's beginning on. Pure: recovery and cold cursors
/// share it. Allocates nothing; used by one thread at a time.
///
/// A frame is valid when its stamp is the one for its position and salt, its lengths make sense, it ends at
/// or before `limit`, its checksum is right (when verifying), and, for a chunk frame, it names its own
/// position and the sequence that the walk has arrived at. Batches are not looked at: that is for the caller.
@safe
struct FrameScanner {
  /// A frame that was found valid.
  struct Frame: Sendable {
    /// The frame's header.
    var header: FrameHeader
    /// Where the frame begins in the log.
    var position: UInt64
    /// Where the next frame begins, or a padding word, or nothing.
    var endPosition: UInt64
    /// Where the body begins in the scanner's bytes.
    var bodyOffset: Int
    /// The sequence of a record or of an abandoned claim; otherwise the sequence of the next one.
    var sequence: UInt64
  }

  /// One step of the walk.
  enum Result {
    /// A valid frame; the scanner stands behind it.
    case frame(Frame)
    /// The frame at `position` needs `byteCount` bytes from there on, which are not all in memory. The
    /// scanner stands at `position`.
    case needsBytes(position: UInt64, byteCount: UInt64)
    /// The walk arrived at the limit.
    case end(position: UInt64)
    /// No valid frame begins at `position`. The scanner stays there.
    case invalid(position: UInt64)
  }

  // SAFETY: the initializer's caller keeps these bytes readable and unchanged while the scanner is used;
  // every access is checked against their count.
  private let bytes: UnsafeRawBufferPointer
  private let byteCount: Int
  private let basePosition: UInt64
  private let salt: UInt64
  private let blockByteCount: Int
  private let isVerifying: Bool

  /// Where the walk ends: the first position that is not part of this segment's log.
  let limit: UInt64
  /// Where the next frame should begin.
  private(set) var position: UInt64
  /// The sequence that the next record has.
  private(set) var sequence: UInt64

  /// A walk over `bytes`, whose first byte has the block-aligned position `basePosition`, from `start` on,
  /// where the next record has `sequence`.
  ///
  /// SAFETY: `bytes` stay readable and unchanged while the scanner is used.
  @unsafe
  init(
    bytes: UnsafeRawBufferPointer,
    basePosition: UInt64,
    start: UInt64,
    sequence: UInt64,
    salt: UInt64,
    blockByteCount: Int,
    limit: UInt64 = .max,
    verifying: Bool = true
  ) {
    precondition(start >= basePosition && start % UInt64(Format.frameAlignment) == 0)
    unsafe self.bytes = bytes
    self.byteCount = bytes.count
    self.basePosition = basePosition
    self.salt = salt
    self.blockByteCount = blockByteCount
    self.limit = limit
    self.isVerifying = verifying
    self.position = start
    self.sequence = sequence
  }

  /// Takes the next step; passes over padding words by itself.
  mutating func next() -> Result {
    while true {
      guard position < limit else { return .end(position: position) }
      let offset = position - basePosition
      guard offset &+ 8 <= UInt64(byteCount) else {
        return .needsBytes(position: position, byteCount: UInt64(FrameHeader.byteCount))
      }
      // SAFETY: eight bytes are there.
      let frame = unsafe bytes.baseAddress! + Int(offset)
      let word = unsafe UInt64(littleEndian: frame.loadUnaligned(as: UInt64.self))
      let stamp = Format.stamp(salt: salt, position: position)
      if word == stamp ^ Format.paddingMask {
        position = min(limit, Format.alignUp(position + 8, to: blockByteCount))
        continue
      }
      guard word == stamp else { return .invalid(position: position) }
      guard offset &+ UInt64(FrameHeader.byteCount) <= UInt64(byteCount) else {
        return .needsBytes(position: position, byteCount: UInt64(FrameHeader.byteCount))
      }
      return unsafe check(frame, at: Int(offset))
    }
  }

  /// Decides about the frame at `frame`, whose stamp is right and whose header is in memory.
  @unsafe
  private mutating func check(_ frame: UnsafeRawPointer, at offset: Int) -> Result {
    let header = unsafe FrameHeader(decoding: frame)
    let frameByteCount = header.frameByteCount
    guard header.isWellFormed, UInt64(frameByteCount) <= limit - position else {
      return .invalid(position: position)
    }
    guard frameByteCount <= byteCount - offset else {
      return .needsBytes(position: position, byteCount: UInt64(frameByteCount))
    }
    // SAFETY: the whole frame is in memory.
    if isVerifying, unsafe header.computedChecksum(ofFrame: frame) != header.checksum {
      return .invalid(position: position)
    }
    if header.type == .chunk {
      guard Int(header.bodyByteCount) == ChunkFrame.bodyByteCount else {
        return .invalid(position: position)
      }
      let chunk = unsafe ChunkFrame(decodingBody: frame + FrameHeader.byteCount)
      guard chunk.basePosition == position, chunk.baseSequence == sequence,
        chunk.isConsistent, position % UInt64(blockByteCount) == 0
      else { return .invalid(position: position) }
    }
    let found = Frame(
      header: header,
      position: position,
      endPosition: position + UInt64(frameByteCount),
      bodyOffset: offset + FrameHeader.byteCount,
      sequence: sequence
    )
    pass(found)
    return .frame(found)
  }

  /// Moves behind a frame that the caller checked by other means (one too large for memory).
  mutating func pass(_ frame: Frame) {
    position = frame.endPosition
    if frame.header.type.takesSequence { sequence += 1 }
  }
}
