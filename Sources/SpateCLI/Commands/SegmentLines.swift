import Spate

/// A segment's headers, as `dump` shows them.
struct SegmentLines {
  let segment: SegmentInspection

  var text: String {
    var lines = [
      ("segment \(segment.number)", segment.path),
      (
        "  file",
        "\(segment.byteCount) bytes, blocks of \(segment.blockByteCount), footer at \(segment.footerOffset)"
      ),
      (
        "  begins",
        "position \(segment.basePosition), sequence \(segment.baseSequence), \(Timestamp.text(segment.baseTimestamp))"
      ),
      (
        "  epoch",
        "\(segment.epoch), fencing epoch \(segment.fencingEpoch), salt \(String(segment.salt, radix: 16))"
      ),
    ]
    if segment.beginsAfterRecovery {
      lines.append(("  after", "a recovery that ended the log at \(segment.cutPosition)"))
    }
    if segment.truncates { lines.append(("  cuts off", "the log at position \(segment.cutPosition)")) }
    if let footer = segment.footer {
      lines.append(
        (
          "  footer",
          "ends at position \(footer.endPosition), sequence \(footer.endSequence); \(footer.recordCount) records, \(footer.entryCount) chunks listed"
        )
      )
    }
    return FactLines.text(lines)
  }

  var json: JSONValue {
    .object([
      ("kind", .string("segment")),
      ("number", .number(segment.number)),
      ("path", .string(segment.path)),
      ("bytes", .number(segment.byteCount)),
      ("blockBytes", .number(UInt64(segment.blockByteCount))),
      ("footerOffset", .number(segment.footerOffset)),
      ("salt", .string(String(segment.salt, radix: 16))),
      ("basePosition", .number(segment.basePosition)),
      ("baseSequence", .number(segment.baseSequence)),
      ("epoch", .number(segment.epoch)),
      ("fencingEpoch", .number(segment.fencingEpoch)),
      ("begun", .string(Timestamp.text(segment.baseTimestamp))),
      ("cutPosition", .number(segment.cutPosition)),
      ("beginsAfterRecovery", .boolean(segment.beginsAfterRecovery)),
      ("truncates", .boolean(segment.truncates)),
      ("footer", footer),
    ])
  }

  private var footer: JSONValue {
    guard let footer = segment.footer else { return .null }
    return .object([
      ("endPosition", .number(footer.endPosition)),
      ("endSequence", .number(footer.endSequence)),
      ("records", .number(footer.recordCount)),
      ("firstTime", .string(Timestamp.text(footer.firstTimestamp))),
      ("lastTime", .string(Timestamp.text(footer.lastTimestamp))),
      ("entries", .number(UInt64(footer.entryCount))),
    ])
  }
}
