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
      for index in 0..<4 {
        let digit = UInt8(truncatingIfNeeded: group >> UInt32(18 - 6 * index)) & 63
        try append(index <= count ? Self.base64Digit(digit) : UInt8(ascii: "="))
      }
      offset += count
    }
  }

  private static func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }

  private static func base64Digit(_ value: UInt8) -> UInt8 {
    switch value {
    case 0..<26: UInt8(ascii: "A") + value
    case 26..<52: UInt8(ascii: "a") + value - 26
    case 52..<62: UInt8(ascii: "0") + value - 52
    case 62: UInt8(ascii: "+")
    default: UInt8(ascii: "/")
    }
  }
}
