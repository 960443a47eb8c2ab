import Spate

/// Writes records out in one of the formats. One thread.
struct RecordPrinter: ~Copyable {
  private let format: RecordFormat
  private let delimiter: RecordDelimiter
  private let keySeparator: [UInt8]
  private var output = OutputBuffer()

  /// `keySeparator` stands between key and payload; empty leaves keys out.
  init(format: RecordFormat, delimiter: RecordDelimiter, keySeparator: [UInt8]) {
    self.format = format
    self.delimiter = delimiter
    self.keySeparator = keySeparator
  }

  /// Writes one record.
  @inline(__always)
  mutating func print(_ record: borrowing Record) throws(CommandFailure) {
    guard format == .payload, keySeparator.isEmpty, delimiter != .lengthPrefixed else {
      return try printWithCare(record)
    }
    try output.append(record.payload)
    try output.append(delimiter.byte ?? 0)
  }

  /// Hands everything to the kernel.
  mutating func flush() throws(CommandFailure) { try output.flush() }

  private mutating func printWithCare(_ record: borrowing Record) throws(CommandFailure) {
    switch format {
    case .payload:
      let key = record.key
      let hasKey = !keySeparator.isEmpty && !key.isEmpty
      if delimiter == .lengthPrefixed {
        let extra = hasKey ? key.byteCount + keySeparator.count : 0
        try appendPrefix(record.payload.byteCount + extra)
      }
      if hasKey {
        try output.append(key)
        let separator = keySeparator
        try unsafe output.append(separator.span.bytes)
      }
      try output.append(record.payload)
      if let byte = delimiter.byte { try output.append(byte) }
    case .json:
      try JSONRecord.append(record, to: &output)
      try output.append(UInt8(ascii: "\n"))
    case .hex:
      try output.append(hexadecimal: record.payload)
      try output.append(UInt8(ascii: "\n"))
    }
  }

  private mutating func appendPrefix(_ byteCount: Int) throws(CommandFailure) {
    for shift in [24, 16, 8, 0] { try output.append(UInt8(truncatingIfNeeded: byteCount >> shift)) }
  }
}
