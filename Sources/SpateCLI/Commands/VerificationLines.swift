import Spate

/// What a check found, as `verify` and `repair` show it.
enum VerificationLines {
  static func text(_ result: StoreVerification) -> String {
    var text = result.findings.map(line).joined()
    text +=
      "\(result.queueCount) \(result.queueCount == 1 ? "queue" : "queues"), \(result.segmentCount) "
      + "\(result.segmentCount == 1 ? "segment" : "segments"), \(ByteCount.text(result.byteCount)), "
      + "\(result.recordCount) records: \(result.isSound ? "sound" : "damaged")\n"
    return text
  }

  private static func line(_ finding: StoreVerification.Finding) -> String {
    var line = (finding.kind.isDamage ? "DAMAGED  " : "note     ") + finding.path
    if let offsets = finding.fileOffsets {
      line += "  bytes \(offsets.lowerBound) up to \(offsets.upperBound)"
    }
    return line + ": " + finding.message + "\n"
  }

  static func json(_ result: StoreVerification) -> JSONValue {
    .object([
      ("sound", .boolean(result.isSound)),
      ("queues", .number(UInt64(result.queueCount))),
      ("segments", .number(UInt64(result.segmentCount))),
      ("bytes", .number(result.byteCount)),
      ("records", .number(result.recordCount)),
      ("findings", .array(result.findings.map(json))),
    ])
  }

  static func json(_ finding: StoreVerification.Finding) -> JSONValue {
    .object([
      ("kind", .string(finding.kind.rawValue)),
      ("damage", .boolean(finding.kind.isDamage)),
      ("queue", .optional(finding.queue)),
      ("path", .string(finding.path)),
      ("offset", .optional(finding.fileOffsets?.lowerBound)),
      ("endOffset", .optional(finding.fileOffsets?.upperBound)),
      ("position", .optional(finding.positions?.lowerBound)),
      ("endPosition", .optional(finding.positions?.upperBound)),
      ("firstSequence", .optional(finding.sequences?.lowerBound)),
      ("endSequence", .optional(finding.sequences?.upperBound)),
      ("firstUnreadable", .optional(finding.unreadableSequences?.lowerBound)),
      ("endUnreadable", .optional(finding.unreadableSequences?.upperBound)),
      ("message", .string(finding.message)),
    ])
  }
}
