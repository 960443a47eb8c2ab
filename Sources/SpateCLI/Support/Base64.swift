/// Bytes in base64, with padding.
enum Base64 {
  /// The text of all of them.
  static func text(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let word = (0..<3).reduce(UInt32(0)) { $0 << 8 | UInt32($1 < group.count ? group[start + $1] : 0) }
      for index in 0..<4 { text.append(digit(index, of: word, byteCount: group.count)) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// One of the four digits of up to three bytes, the first of which stands highest in `word`.
  static func digit(_ index: Int, of word: UInt32, byteCount: Int) -> UInt8 {
    guard index <= byteCount else { return UInt8(ascii: "=") }
    let value = UInt8(truncatingIfNeeded: word >> UInt32(18 - 6 * index)) & 63
    return switch value {
    case 0..<26: UInt8(ascii: "A") + value
    case 26..<52: UInt8(ascii: "a") + value - 26
    case 52..<62: UInt8(ascii: "0") + value - 52
    case 62: UInt8(ascii: "+")
    default: UInt8(ascii: "/")
    }
  }
}
