import Spate

/// A frame, or a damaged range, as `dump` shows it.
struct FrameLine {
  let item: SegmentReader.Item

  var text: String {
    switch item {
    case .frame(let frame): Self.text(frame)
    case .damage(let range):
      "  DAMAGED positions \(range.positions.lowerBound) up to \(range.positions.upperBound): "
        + "\(range.sequences.count) records from sequence \(range.sequences.lowerBound) on are passed over"
    }
  }

  private static func text(_ frame: FrameInspection) -> String {
    func padded(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    let offset = padded("0x" + String(frame.fileOffset, radix: 16), 11)
    let kind = frame.kind.description
    var line = "\(offset) \(padded(String(frame.position), 12))  \(kind)"
    line += String(repeating: " ", count: max(0, 7 - kind.count))
    line += padded(frame.sequence.map(String.init) ?? "-", 11) + "  " + Timestamp.text(frame.timestamp)
    if let chunk = frame.chunk {
      return line
        + "  durable below \(chunk.durablePosition), sequence \(chunk.durableSequence), epoch \(chunk.epoch)"
    }
    line += "  \(frame.payloadByteCount) B"
    if frame.continued || frame.continues { line += frame.continues ? "  batch+" : "  batch." }
    if frame.keyByteCount > 0 { line += "  key(\(frame.keyByteCount)) \(Printable.text(frame.keyPrefix))" }
    if frame.headersByteCount > 0 { line += "  headers(\(frame.headersByteCount))" }
    if !frame.payloadPrefix.isEmpty { line += "  " + Printable.text(frame.payloadPrefix) }
    if frame.payloadPrefix.count < frame.payloadByteCount { line += "…" }
    return line
  }

  var json: JSONValue {
    switch item {
    case .frame(let frame): Self.json(frame)
    case .damage(let range):
      .object([
        ("kind", .string("damage")),
        ("position", .number(range.positions.lowerBound)),
        ("endPosition", .number(range.positions.upperBound)),
        ("firstSequence", .number(range.sequences.lowerBound)),
        ("endSequence", .number(range.sequences.upperBound)),
      ])
    }
  }

  private static func json(_ frame: FrameInspection) -> JSONValue {
    var fields: [(String, JSONValue)] = [
      ("kind", .string(frame.kind.description)),
      ("offset", .number(frame.fileOffset)),
      ("position", .number(frame.position)),
      ("bytes", .number(UInt64(frame.byteCount))),
      ("sequence", .optional(frame.sequence)),
      ("timestamp", .string(Timestamp.text(frame.timestamp))),
      ("checksum", .string(String(frame.checksum, radix: 16))),
      ("continuesBatch", .boolean(frame.continues)),
      ("continuedBatch", .boolean(frame.continued)),
      ("payloadBytes", .number(UInt64(max(0, frame.payloadByteCount)))),
      ("keyBytes", .number(UInt64(frame.keyByteCount))),
      ("headersBytes", .number(UInt64(frame.headersByteCount))),
    ]
    if let chunk = frame.chunk {
      fields += [
        ("durablePosition", .number(chunk.durablePosition)),
        ("durableSequence", .number(chunk.durableSequence)),
        ("epoch", .number(chunk.epoch)),
      ]
    }
    return .object(fields)
  }
}

/// Bytes as text that a terminal shows and does not obey.
enum Printable {
  /// Printable ASCII as it is, everything else as `·`.
  static func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.map { (32...126).contains($0) ? $0 : 0 }, as: UTF8.self)
      .replacing("\0", with: "·")
  }
}
