import FoundationEssentials
import Glibc

/// Rows as a person or a program reads them.
enum Report {
  /// A table in Markdown: measure, target, measured, baseline, ratio, reached; details below each measure.
  static func table(_ rows: [Row]) -> String {
    var cells = [["measure", "target", "measured", "limit or control", "ratio", "reached"]]
    for row in rows {
      cells.append([
        row.measure,
        row.target?.formatted(unit: row.unit) ?? "",
        "\(row.measured.formatted()) \(row.unit)",
        row.baseline.map { "\($0.formatted()) \(row.unit), \(row.baselineName ?? "")" } ?? "",
        row.ratio.map { $0.formatted() } ?? "",
        row.reached.map { $0 ? "yes" : "NO" } ?? "",
      ])
    }
    let widths = (0..<cells[0].count).map { column in cells.map { $0[column].count }.max() ?? 0 }
    func line(_ words: [String]) -> String {
      "| "
        + zip(words, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(
          separator: " | "
        )
        + " |"
    }
    var lines = [
      line(cells[0]), "|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|",
    ]
    lines += cells.dropFirst().map(line)
    let explained = rows.filter { !$0.details.isEmpty }
    if !explained.isEmpty { lines.append("") }
    for row in explained {
      let details = row.details.map { "\($0.name) \(NumberFormat.general.text($0.value)) \($0.unit)" }
      lines.append("- \(row.measure): \(details.joined(separator: "; "))")
    }
    return lines.joined(separator: "\n")
  }

  /// One JSON object with the rows and what they were measured on.
  static func json(title: String, rows: [Row], context: Context) throws -> String {
    struct Document: Encodable {
      var title: String
      var kernel: String
      var processorCount: Int
      var rounds: Int
      var roundSeconds: Double
      var rows: [Row]
    }
    let kernel =
      TextFile.read("/proc/sys/kernel/osrelease").split(separator: "\n").first.map(String.init) ?? ""
    let document = Document(
      title: title,
      kernel: kernel,
      processorCount: sysconf(Int32(_SC_NPROCESSORS_ONLN)),
      rounds: context.rounds,
      roundSeconds: context.roundSeconds,
      rows: rows
    )
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: try encoder.encode(document), as: UTF8.self)
  }

  /// A line on standard error.
  static func printError(_ message: String) {
    let text = Array("spate-bench: \(message)\n".utf8)
    _ = unsafe write(STDERR_FILENO, text, text.count)
  }
}
