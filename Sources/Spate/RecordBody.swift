import CSpate

/// The bytes of one record while they are appended: where they are, how they are laid out, their checksum.
///
/// Lives on the stack of one append.
@safe
struct RecordBody {
  // SAFETY: made inside the closures that lend these bytes, and not kept.
  private let payload: UnsafeRawBufferPointer
  private let key: UnsafeRawBufferPointer
  private let headers: UnsafeRawBufferPointer
  private let timestamp: UInt64?
  private let shape: UInt64

  /// A record without key and headers: the hot path.
  @inline(__always)
  init(payload: UnsafeRawBufferPointer) {
    unsafe self.payload = payload
    unsafe key = UnsafeRawBufferPointer(start: nil, count: 0)
    unsafe headers = UnsafeRawBufferPointer(start: nil, count: 0)
    timestamp = nil
    shape = FrameHeader.shape(type: .record, flags: [], keyByteCount: 0, headersByteCount: 0)
  }

  init(
    payload: UnsafeRawBufferPointer,
    key: UnsafeRawBufferPointer,
    headers: UnsafeRawBufferPointer,
    timestamp: UInt64?,
    type: FrameType = .record
  ) {
    unsafe self.payload = payload
    unsafe self.key = key
    unsafe self.headers = headers
    self.timestamp = timestamp
    shape = FrameHeader.shape(
      type: type,
      flags: [],
      keyByteCount: key.count,
      headersByteCount: headers.count
    )
  }

  /// Throws `tooLarge` for a key that no frame can hold.
  static func check(key byteCount: Int) throws(SpateError) {
    guard byteCount > Int(UInt16.max) else { return }
    throw SpateError(
      .tooLarge,
      "a key has at most 65,535 bytes, this one \(byteCount); put the rest in the payload"
    )
  }

  @inline(__always)
  private var byteCount: Int { unsafe payload.count &+ key.count &+ headers.count }

  /// The bytes of the whole frame.
  @inline(__always)
  var frameByteCount: Int { Format.frameByteCount(bodyByteCount: byteCount) }

  /// What the header of a frame needs besides the shape.
  struct Stamped {
    var timestamp: UInt64
    var checksum: UInt32
  }

  /// Computes the checksum, from the source: the copy's bytes are in flight to memory, and reading them back
  /// costs.
  @inline(__always)
  func stamped(at now: UInt64) -> Stamped {
    let time = timestamp ?? now
    let bodyByteCount = UInt32(truncatingIfNeeded: byteCount)
    var checksum = unsafe spate_crc32c_frame(bodyByteCount, time, shape, payload.baseAddress, payload.count)
    if unsafe key.count > 0 { checksum = unsafe spate_crc32c(checksum, key.baseAddress, key.count) }
    if unsafe headers.count > 0 {
      checksum = unsafe spate_crc32c(checksum, headers.baseAddress, headers.count)
    }
    return Stamped(timestamp: time, checksum: checksum)
  }

  /// Writes everything of the frame but the stamp.
  @inline(__always)
  func write(_ stamped: Stamped, to start: UnsafeMutableRawPointer) {
    let second = UInt64(stamped.checksum) | UInt64(UInt32(truncatingIfNeeded: byteCount)) << 32
    unsafe start.storeBytes(of: second.littleEndian, toByteOffset: 8, as: UInt64.self)
    unsafe start.storeBytes(of: stamped.timestamp.littleEndian, toByteOffset: 16, as: UInt64.self)
    unsafe start.storeBytes(of: shape.littleEndian, toByteOffset: 24, as: UInt64.self)
    var target = unsafe start + FrameHeader.byteCount
    let end = unsafe target + byteCount
    // The last word first: the zeros of the padding, which the copies below leave.
    if byteCount & 7 != 0 {
      unsafe UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: end) & ~7).unsafelyUnwrapped
        .storeBytes(of: 0, as: UInt64.self)
    }
    if let source = unsafe payload.baseAddress {
      unsafe target.copyMemory(from: source, byteCount: payload.count)
    }
    unsafe target += payload.count
    if let source = unsafe key.baseAddress {
      unsafe target.copyMemory(from: source, byteCount: key.count)
      unsafe target += key.count
    }
    if let source = unsafe headers.baseAddress {
      unsafe target.copyMemory(from: source, byteCount: headers.count)
    }
  }
}
