import ArgumentParser

/// What tells one record from the next in a stream of bytes.
enum RecordDelimiter: String, CaseIterable, ExpressibleByArgument {
  /// Each record ends with a newline.
  case newline
  /// Each record ends with a zero byte.
  case nul
  /// Each record begins with its length: four bytes, big-endian.
  case lengthPrefixed = "length-prefixed"

  /// The byte behind each record; nil where there is none.
  var byte: UInt8? {
    switch self {
    case .newline: UInt8(ascii: "\n")
    case .nul: 0
    case .lengthPrefixed: nil
    }
  }

  /// The bytes of a length before a record.
  static let prefixByteCount = 4
}
