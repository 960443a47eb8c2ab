import CSpate

/// The 32 bytes at the beginning of every frame.
///
///     offset  size  field
///          0     8  stamp             Format.stamp(salt:position:); stored last
///          8     4  checksum          CRC-32C of bytes 12..<32, then of the body
///         12     4  bodyByteCount     payload, key and headers
///         16     8  timestamp         ns since 1970
///         24     1  type              FrameType
///         25     1  flags             FrameFlags
///         26     2  keyByteCount
///         28     4  headersByteCount
///         32        body: payload, key, headers; then zeros up to a multiple of 8
///
/// A plain value; encoding and decoding touch 32 bytes, allocate nothing and never fail. Whether a decoded
/// header can be believed is for the stamp and the checksum to say.
@usableFromInline
struct FrameHeader: Equatable, Sendable {
  /// The bytes of a header.
  @inlinable
  static var byteCount: Int { 32 }
  /// The largest body that the header can describe.
  static let maximumBodyByteCount = Int(UInt32.max) - 64

  /// The word that makes this a frame.
  var stamp: UInt64
  /// CRC-32C of bytes 12..<32, then of the body unless the frame is abandoned.
  var checksum: UInt32
  /// The bytes of payload, key and headers together.
  var bodyByteCount: UInt32
  /// Nanoseconds since 1970.
  var timestamp: UInt64
  /// Bytes 24..<32 as one word: type, flags, key and headers lengths.
  var shape: UInt64

  /// Makes a header without a checksum; `stamp` may be stored separately, later.
  @inline(__always)
  init(
    type: FrameType,
    flags: FrameFlags = [],
    timestamp: UInt64,
    bodyByteCount: Int,
    keyByteCount: Int = 0,
    headersByteCount: Int = 0,
    stamp: UInt64 = 0,
    checksum: UInt32 = 0
  ) {
    self.stamp = stamp
    self.checksum = checksum
    self.bodyByteCount = UInt32(truncatingIfNeeded: bodyByteCount)
    self.timestamp = timestamp
    self.shape = Self.shape(
      type: type,
      flags: flags,
      keyByteCount: keyByteCount,
      headersByteCount: headersByteCount
    )
  }

  /// Reads 32 bytes at `bytes`, which need not be aligned.
  ///
  /// SAFETY: the caller owns or has pinned 32 readable bytes there.
  @inline(__always)
  @unsafe
  init(decoding bytes: UnsafeRawPointer) {
    unsafe stamp = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    unsafe checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
    unsafe bodyByteCount = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
    unsafe timestamp = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
    unsafe shape = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
  }

  /// Bytes 24..<32 as one little-endian word.
  @inline(__always)
  static func shape(
    type: FrameType,
    flags: FrameFlags,
    keyByteCount: Int,
    headersByteCount: Int
  ) -> UInt64 {
    UInt64(type.rawValue) | UInt64(flags.rawValue) << 8
      | UInt64(truncatingIfNeeded: keyByteCount) << 16
      | UInt64(truncatingIfNeeded: headersByteCount) << 32
  }

  /// What the frame is.
  @inline(__always)
  var type: FrameType { FrameType(rawValue: UInt8(truncatingIfNeeded: shape)) }

  /// The frame's place in its batch.
  @inline(__always)
  var flags: FrameFlags { FrameFlags(rawValue: UInt8(truncatingIfNeeded: shape >> 8)) }

  /// The key's bytes, after the payload.
  @inline(__always)
  var keyByteCount: Int { Int(UInt16(truncatingIfNeeded: shape >> 16)) }

  /// The headers' bytes, after the key.
  @inline(__always)
  var headersByteCount: Int { Int(UInt32(truncatingIfNeeded: shape >> 32)) }

  /// The payload's bytes, at the beginning of the body; negative in a header that is not well-formed.
  @inline(__always)
  var payloadByteCount: Int { Int(bodyByteCount) - keyByteCount - headersByteCount }

  /// Header, body and the zeros behind it.
  @inline(__always)
  var frameByteCount: Int { Format.frameByteCount(bodyByteCount: Int(bodyByteCount)) }

  /// How many bytes of the body the checksum covers.
  @inline(__always)
  var checkedByteCount: Int { type == .abandoned ? 0 : Int(bodyByteCount) }

  /// Whether key and headers fit in the body.
  @inline(__always)
  var isWellFormed: Bool { payloadByteCount >= 0 }

  /// Writes bytes 8..<32, everything but the stamp, at `bytes + 8`; `bytes` is the frame's first byte and is
  /// eight-aligned.
  ///
  /// SAFETY: the caller alone may write these 32 bytes.
  @inline(__always)
  @unsafe
  func encodeWithoutStamp(into bytes: UnsafeMutableRawPointer) {
    let second = UInt64(checksum) | UInt64(bodyByteCount) << 32
    unsafe bytes.storeBytes(of: second.littleEndian, toByteOffset: 8, as: UInt64.self)
    unsafe bytes.storeBytes(of: timestamp.littleEndian, toByteOffset: 16, as: UInt64.self)
    unsafe bytes.storeBytes(of: shape.littleEndian, toByteOffset: 24, as: UInt64.self)
  }

  /// Writes what ``encodeWithoutStamp(into:)`` does, but for the length, which was written when the frame was claimed: others
  /// may read that meanwhile.
  ///
  /// SAFETY: the caller alone may write bytes 8..<32, and nobody else reads them but for the length.
  @inline(__always)
  @unsafe
  func encodeBesideLength(into bytes: UnsafeMutableRawPointer) {
    unsafe bytes.storeBytes(of: checksum.littleEndian, toByteOffset: 8, as: UInt32.self)
    unsafe bytes.storeBytes(of: timestamp.littleEndian, toByteOffset: 16, as: UInt64.self)
    unsafe bytes.storeBytes(of: shape.littleEndian, toByteOffset: 24, as: UInt64.self)
  }

  /// Writes all 32 bytes, the stamp with a plain store: for memory that no other thread reads.
  ///
  /// SAFETY: the caller alone may read and write these 32 bytes.
  @inline(__always)
  @unsafe
  func encode(into bytes: UnsafeMutableRawPointer) {
    unsafe encodeWithoutStamp(into: bytes)
    unsafe bytes.storeBytes(of: stamp.littleEndian, as: UInt64.self)
  }

  /// The checksum of a frame in memory whose first byte is `frame`: bytes 12..<32 and the checked body.
  ///
  /// SAFETY: the whole checked frame is readable there.
  @inline(__always)
  @unsafe
  func computedChecksum(ofFrame frame: UnsafeRawPointer) -> UInt32 {
    unsafe spate_crc32c(0, frame + 12, 20 + checkedByteCount)
  }
}
