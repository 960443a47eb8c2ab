import CSpate

/// The frame at the head of every chunk: where the chunk stands, and how far the log was durable when the
/// chunk was first handed to the disk.
///
///     offset  size  field
///          0    32  frame header, type chunk, bodyByteCount 48
///         32     8  basePosition      position of this frame itself, block aligned
///         40     8  baseSequence      sequence of the chunk's first record
///         48     8  durablePosition   the log was durable below this position
///         56     8  durableSequence   the sequence that follows the last durable record
///         64     8  epoch
///         72     8  statePosition     0, or where the first state frame (types 4...7) stands that no
///                                     checkpoint covered when the chunk was opened
///
/// Recovery finds these at the strides of the data area, believes the highest durable watermark, and scans
/// from there, or from `statePosition` where that is lower. A plain value; any thread.
struct ChunkFrame: Equatable, Sendable {
  /// The bytes of the body.
  static let bodyByteCount = 48
  /// The bytes of the whole frame.
  static let byteCount = 80

  /// The position of the frame and of the chunk.
  var basePosition: UInt64
  /// The sequence of the first record in the chunk.
  var baseSequence: UInt64
  /// The log was durable below this position when the chunk was opened, or later.
  var durablePosition: UInt64
  /// The sequence after the last record that was durable then.
  var durableSequence: UInt64
  /// The epoch of the queue.
  var epoch: UInt64
  /// Where a scan has to begin to see every state frame that no checkpoint covers; 0 when there is none.
  var statePosition: UInt64

  /// Makes a chunk's description.
  @inline(__always)
  init(
    basePosition: UInt64,
    baseSequence: UInt64,
    durablePosition: UInt64,
    durableSequence: UInt64,
    epoch: UInt64,
    statePosition: UInt64 = 0
  ) {
    self.basePosition = basePosition
    self.baseSequence = baseSequence
    self.durablePosition = durablePosition
    self.durableSequence = durableSequence
    self.epoch = epoch
    self.statePosition = statePosition
  }

  /// Reads a body of 48 bytes. Whether it can be believed is for the frame's checksum to say.
  ///
  /// SAFETY: 48 bytes are readable at `body`.
  @inline(__always)
  @unsafe
  init(decodingBody body: UnsafeRawPointer) {
    unsafe basePosition = UInt64(littleEndian: body.loadUnaligned(as: UInt64.self))
    unsafe baseSequence = UInt64(littleEndian: body.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    unsafe durablePosition = UInt64(littleEndian: body.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
    unsafe durableSequence = UInt64(littleEndian: body.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
    unsafe epoch = UInt64(littleEndian: body.loadUnaligned(fromByteOffset: 32, as: UInt64.self))
    unsafe statePosition = UInt64(littleEndian: body.loadUnaligned(fromByteOffset: 40, as: UInt64.self))
  }

  /// Reads and checks a whole chunk frame that should stand at `position`; nil when it is anything else.
  ///
  /// SAFETY: 80 bytes are readable at `frame`.
  @unsafe
  init?(decodingFrame frame: UnsafeRawPointer, position: UInt64, salt: UInt64) {
    let header = unsafe FrameHeader(decoding: frame)
    guard header.stamp == Format.stamp(salt: salt, position: position),
      header.type == .chunk, Int(header.bodyByteCount) == Self.bodyByteCount,
      unsafe header.computedChecksum(ofFrame: frame) == header.checksum
    else { return nil }
    unsafe self.init(decodingBody: frame + FrameHeader.byteCount)
    guard basePosition == position, isConsistent else { return nil }
  }

  /// Whether the numbers make sense: nothing is durable behind the chunk itself when it is written first.
  @inline(__always)
  var isConsistent: Bool {
    durablePosition <= basePosition && durableSequence <= baseSequence
      && max(basePosition, baseSequence, epoch, statePosition) <= Format.maximalNumber
  }

  /// Writes the whole frame but for its stamp: bytes 8..<80 at `frame`, the frame's first byte. The caller
  /// publishes it by storing `Format.stamp(salt:position:)` in bytes 0..<8.
  ///
  /// SAFETY: the caller alone may write these 80 bytes.
  @unsafe
  func encodeWithoutStamp(into frame: UnsafeMutableRawPointer, timestamp: UInt64) {
    let body = unsafe frame + FrameHeader.byteCount
    unsafe body.storeBytes(of: basePosition.littleEndian, as: UInt64.self)
    unsafe body.storeBytes(of: baseSequence.littleEndian, toByteOffset: 8, as: UInt64.self)
    unsafe body.storeBytes(of: durablePosition.littleEndian, toByteOffset: 16, as: UInt64.self)
    unsafe body.storeBytes(of: durableSequence.littleEndian, toByteOffset: 24, as: UInt64.self)
    unsafe body.storeBytes(of: epoch.littleEndian, toByteOffset: 32, as: UInt64.self)
    unsafe body.storeBytes(of: statePosition.littleEndian, toByteOffset: 40, as: UInt64.self)
    var header = FrameHeader(type: .chunk, timestamp: timestamp, bodyByteCount: Self.bodyByteCount)
    unsafe header.encodeWithoutStamp(into: frame)
    header.checksum = unsafe header.computedChecksum(ofFrame: UnsafeRawPointer(frame))
    unsafe header.encodeWithoutStamp(into: frame)
  }

  /// Names a higher watermark in a published frame. Bytes 8..<12 and 48..<64 change, which nobody but the committer
  /// looks at in the ring.
  ///
  /// SAFETY: a whole chunk frame stands at `frame`, and no write of it is in flight.
  @unsafe
  static func raiseDurable(to mark: LogMark, at frame: UnsafeMutableRawPointer) {
    unsafe frame.storeBytes(of: mark.position.littleEndian, toByteOffset: 48, as: UInt64.self)
    unsafe frame.storeBytes(of: mark.sequence.littleEndian, toByteOffset: 56, as: UInt64.self)
    let header = unsafe FrameHeader(decoding: frame)
    let checksum = unsafe header.computedChecksum(ofFrame: frame)
    unsafe frame.storeBytes(of: checksum.littleEndian, toByteOffset: 8, as: UInt32.self)
  }

  /// Writes the whole frame with its stamp, by plain stores: for memory that no other thread reads.
  ///
  /// SAFETY: the caller alone may read and write these 80 bytes.
  @unsafe
  func encode(into frame: UnsafeMutableRawPointer, salt: UInt64, timestamp: UInt64) {
    unsafe encodeWithoutStamp(into: frame, timestamp: timestamp)
    let stamp = Format.stamp(salt: salt, position: basePosition)
    unsafe frame.storeBytes(of: stamp.littleEndian, as: UInt64.self)
  }
}
