// Bytes as text.
extension OutputBuffer {
  /// Adds bytes as hexadecimal digits.
  mutating func append(hexadecimal bytes: RawSpan) throws(CommandFailure) {
    for offset in bytes.byteOffsets {
      let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
      try append(Self.hexadecimalDigit(byte >> 4))
      try append(Self.hexadecimalDigit(byte & 15))
    }
  }

  /// Adds bytes in base64, with padding.
  mutating func append(base64 bytes: RawSpan) throws(CommandFailure) {
    var offset = 0
    while offset < bytes.byteCount {
      let count = min(3, bytes.byteCount - offset)
      var group: UInt32 = 0
      for index in 0..<3 {
        // SAFETY: the offset is below the count.
        let byte =
          index < count ? unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset + index, as: UInt8.self) : 0
        group = group << 8 | UInt32(byte)
      }
      for index in 0..<4 { try append(Base64.digit(index, of: group, byteCount: count)) }
      offset += count
    }
  }

  private static func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}
