/// A record that a cursor or a batch lends: views of its bytes where they are, in the ring or in a mapped
/// segment.
///
/// The compiler ends the record with the next move of its cursor, or with the closure that got it from a
/// batch. To keep bytes for longer, read a ``Batch`` or copy them.
@frozen
@safe
public struct Record: ~Escapable {
  // SAFETY: a whole frame that was published or whose checksum was right, on bytes that the lender holds.
  @usableFromInline
  let frame: UnsafeRawPointer
  /// The record's ordinal in its queue.
  public let sequence: UInt64

  /// SAFETY: a whole record frame stands at `frame`, and the caller ties the record's lifetime to whatever
  /// holds the bytes.
  @inline(__always)
  @_lifetime(immortal)
  @unsafe
  init(frame: UnsafeRawPointer, sequence: UInt64) {
    unsafe self.frame = frame
    self.sequence = sequence
  }

  @inlinable
  @inline(__always)
  var bodyByteCount: Int {
    unsafe Int(UInt32(littleEndian: frame.load(fromByteOffset: 12, as: UInt32.self)))
  }

  @inlinable
  @inline(__always)
  var shape: UInt64 { unsafe UInt64(littleEndian: frame.load(fromByteOffset: 24, as: UInt64.self)) }

  @inlinable
  @inline(__always)
  var keyByteCount: Int { Int(UInt16(truncatingIfNeeded: shape >> 16)) }

  @inlinable
  @inline(__always)
  var headersByteCount: Int { Int(UInt32(truncatingIfNeeded: shape >> 32)) }

  /// When the record was appended, or what its producer gave instead: ns since 1970.
  @inlinable
  public var timestamp: UInt64 {
    unsafe UInt64(littleEndian: frame.load(fromByteOffset: 16, as: UInt64.self))
  }

  /// The payload.
  public var payload: RawSpan {
    @_lifetime(copy self)
    @inlinable
    get { span(at: 0, count: bodyByteCount - keyByteCount - headersByteCount) }
  }

  /// The key; empty when there is none.
  public var key: RawSpan {
    @_lifetime(copy self)
    @inlinable
    get { span(at: bodyByteCount - keyByteCount - headersByteCount, count: keyByteCount) }
  }

  /// The headers; empty when there are none.
  public var headers: RawSpan {
    @_lifetime(copy self)
    @inlinable
    get { span(at: bodyByteCount - headersByteCount, count: headersByteCount) }
  }

  @inlinable
  @inline(__always)
  @_lifetime(copy self)
  func span(at offset: Int, count: Int) -> RawSpan {
    // SAFETY: the three parts lie one behind the other in the body, which the lender holds.
    let span = unsafe RawSpan(_unsafeStart: frame + FrameHeader.byteCount + offset, byteCount: count)
    return unsafe _overrideLifetime(span, copying: self)
  }
}
