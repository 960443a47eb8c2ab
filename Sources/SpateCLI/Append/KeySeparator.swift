import ArgumentParser

/// The bytes between a record's key and its payload, where both stand in one line.
struct KeySeparator: ExpressibleByArgument, Equatable {
  var bytes: [UInt8]

  /// Text, with `\t`, `\n`, `\0` and `\\` for a tab, a newline, a zero byte and a backslash; not empty.
  init?(argument: String) {
    bytes = []
    var rest = argument.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "t"): bytes.append(9)
      case UInt8(ascii: "n"): bytes.append(10)
      case UInt8(ascii: "0"): bytes.append(0)
      case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
      default: return nil
      }
    }
    if bytes.isEmpty { return nil }
  }
}
