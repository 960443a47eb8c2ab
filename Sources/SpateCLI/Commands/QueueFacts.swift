import Spate

/// What `info` tells of a queue.
struct QueueFacts {
  let queue: QueueInspection

  var json: JSONValue {
    .object([
      ("name", .string(queue.name)),
      ("identifier", .string(queue.identifier)),
      ("created", .string(Timestamp.text(queue.createdTimestamp))),
      ("baseSequence", .number(queue.baseSequence)),
      ("firstSequence", .number(queue.firstSequence)),
      ("endSequence", .number(queue.endSequence)),
      ("records", .number(queue.recordCount)),
      ("beginPosition", .number(queue.beginPosition)),
      ("endPosition", .number(queue.endPosition)),
      ("epoch", .number(queue.epoch)),
      ("fencingEpoch", .number(queue.fencingEpoch)),
      ("bytes", .number(queue.byteCount)),
      ("firstTime", .optional(queue.firstTimestamp.map(Timestamp.text))),
      ("lastTime", .optional(queue.lastTimestamp.map(Timestamp.text))),
      ("cursors", cursorsJSON),
      ("metadata", metadata.json),
      ("aside", .array(queue.asideNames.map(JSONValue.string))),
      ("segments", .array(queue.segments.map(Self.json))),
    ])
  }

  private var metadata: MetadataFacts { MetadataFacts(values: queue.metadata) }

  /// The named cursors.
  var cursorsJSON: JSONValue { .array(queue.cursors.map(json)) }

  private func json(_ cursor: QueueInspection.Cursor) -> JSONValue {
    .object([
      ("name", .string(cursor.name)),
      ("acknowledgedSequence", .number(cursor.acknowledgedSequence)),
      ("lag", .number(queue.lag(of: cursor))),
    ])
  }

  private static func json(_ segment: SegmentInspection) -> JSONValue {
    .object([
      ("number", .number(segment.number)),
      ("path", .string(segment.path)),
      ("state", .string(state(of: segment))),
      ("bytes", .number(segment.byteCount)),
      ("basePosition", .number(segment.basePosition)),
      ("baseSequence", .number(segment.baseSequence)),
      ("endPosition", .optional(segment.endPosition)),
      ("endSequence", .optional(segment.endSequence)),
      ("epoch", .number(segment.epoch)),
      ("begun", segment.isUsed ? .string(Timestamp.text(segment.baseTimestamp)) : .null),
    ])
  }

  private static func state(of segment: SegmentInspection) -> String {
    if segment.isDamaged { return "damaged" }
    if !segment.isUsed { return "prepared" }
    return segment.footer == nil ? "open" : "sealed"
  }

  var text: String {
    var lines = [
      ("queue", queue.name),
      ("records", "\(queue.recordCount) (sequences \(queue.firstSequence) up to \(queue.endSequence))"),
      ("position", "\(queue.beginPosition) up to \(queue.endPosition)"),
      ("epoch", "\(queue.epoch)"),
      ("size", "\(ByteCount.text(queue.byteCount)) in \(queue.segments.count) segments"),
      ("made", Timestamp.shortText(queue.createdTimestamp)),
    ]
    if let first = queue.firstTimestamp, let last = queue.lastTimestamp {
      let span = last >= first ? Decimal.duration(seconds: Double(last - first) / 1e9) : "-"
      lines.append(("time", "\(Timestamp.shortText(first)) up to \(Timestamp.shortText(last)) (\(span))"))
    }
    if !queue.asideNames.isEmpty { lines.append(("set aside", queue.asideNames.joined(separator: ", "))) }
    if !queue.report.damages.isEmpty {
      let lost = queue.report.damages.reduce(0) { $0 + $1.sequences.count }
      lines.append(("damage", "\(lost) records cannot be read; see `spate verify`"))
    }
    let tables = [
      queue.cursors.isEmpty ? nil : cursorTable, queue.metadata.isEmpty ? nil : metadata.table,
      queue.segments.isEmpty ? nil : segmentTable,
    ]
    return ([FactLines.text(lines)] + tables.compactMap(\.self)).joined(separator: "\n")
  }

  /// The named cursors, for people.
  var cursorTable: String {
    var table = Table([("CURSOR", .left), ("ACKNOWLEDGED BELOW", .right), ("LAG", .right)])
    for cursor in queue.cursors {
      table.add([cursor.name, "\(cursor.acknowledgedSequence)", "\(queue.lag(of: cursor))"])
    }
    return table.text
  }

  private var segmentTable: String {
    var table = Table([
      ("SEGMENT", .right), ("STATE", .left), ("SIZE", .right), ("FIRST", .right), ("END", .right),
      ("POSITION", .right), ("BEGUN", .left),
    ])
    for segment in queue.segments {
      table.add([
        "\(segment.number)", Self.state(of: segment), ByteCount.text(segment.byteCount),
        segment.isUsed ? "\(segment.baseSequence)" : "-", segment.endSequence.map { "\($0)" } ?? "-",
        segment.isUsed ? "\(segment.basePosition)" : "-",
        segment.isUsed ? Timestamp.shortText(segment.baseTimestamp) : "-",
      ])
    }
    return table.text
  }
}
