import Spate

/// What `info` tells of a queue's metadata: durable values only.
struct MetadataFacts {
  let values: [String: [UInt8]]

  private var names: [String] { values.keys.sorted() }

  /// A value that is no UTF-8 is in base64, and its field then ends in `Base64`.
  var json: JSONValue {
    .array(
      names.map { name in
        let bytes = values[name] ?? []
        let value: (String, JSONValue) =
          if let text = String(validating: bytes, as: UTF8.self) {
            ("value", .string(text))
          } else {
            ("valueBase64", .string(Base64.text(bytes)))
          }
        return .object([("name", .string(name)), value])
      }
    )
  }

  /// A table for people.
  var table: String {
    var table = Table([("METADATA", .left), ("SIZE", .right), ("VALUE", .left)])
    for name in names {
      let bytes = values[name] ?? []
      table.add([name, ByteCount.text(UInt64(bytes.count)), Self.text(bytes)])
    }
    return table.text
  }

  /// The beginning of a value: text where it can be printed, else in base64.
  private static func text(_ bytes: [UInt8]) -> String {
    guard let text = String(validating: bytes, as: UTF8.self),
      text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) })
    else { return shortened(Base64.text(bytes)) }
    return shortened(text)
  }

  private static func shortened(_ text: String) -> String {
    text.count > 60 ? text.prefix(57) + "..." : text
  }
}
