/// What a run comes to: which targets are met, which are not, what is too noisy to be believed, and what is wrong with the
/// place or the machine.
struct BenchEnding {
  private let report: BenchReport

  init(_ report: BenchReport) { self.report = report }

  /// Some lines; each of them fits `columns`, where that can be.
  func text(_ table: BenchTable, columns: Int?) -> String {
    var lines: [String] = []
    let rows = report.sections.flatMap { section in section.rows.map { (title: section.title, row: $0) } }
    let aimed = rows.filter { $0.row.target != nil }
    let missed = aimed.filter { $0.row.isReached == false }
    if !aimed.isEmpty {
      let met = "Targets met: \(aimed.count - missed.count) of \(aimed.count)."
      lines.append(table.styled(met, missed.isEmpty ? .green : .yellow))
    }
    for (title, row) in missed {
      lines.append(table.styled("  missed  ", .red) + "\(title): " + Self.reason(row))
    }
    let noisy = rows.filter(\.row.isNoisy)
    if !noisy.isEmpty {
      lines.append(
        table.styled("Noisy:", .yellow)
          + " the rounds of these lie further apart than half of their median; take them with care."
      )
      lines += noisy.prefix(6).map {
        "  \($0.title): \($0.row.measure)  (\(($0.row.ratio ?? $0.row.measured).range ?? ""))"
      }
      if noisy.count > 6 { lines.append("  and \(noisy.count - 6) more") }
    }
    for failure in report.failures { lines.append(table.styled("Failed: ", .red) + failure) }
    for warning in report.warnings { lines.append(table.styled("Warning: ", .yellow) + warning) }
    return lines.flatMap { Self.wrapped($0, columns ?? 120) }.map { $0 + "\n" }.joined()
  }

  private static func reason(_ row: BenchRow) -> String {
    guard let target = row.target else { return "" }
    let value =
      target.subject == .ratio
      ? "\(Decimal.adaptive(row.ratio?.median ?? .nan)) ×"
      : "\(Decimal.adaptive(row.measured.median)) \(row.unit)"
    return "\(row.measure): \(value), should be \(target.text(unit: row.unit))"
  }

  /// Lines of at most `columns` characters, broken at spaces; continuations are set in.
  private static func wrapped(_ line: String, _ columns: Int) -> [String] {
    var lines = [""]
    var isFirst = true
    for word in line.split(separator: " ", omittingEmptySubsequences: false) {
      let space = isFirst ? "" : " "
      isFirst = false
      if visibleCount(lines[lines.count - 1] + space + word) > columns, !lines[lines.count - 1].isEmpty {
        lines.append("    " + word)
      } else {
        lines[lines.count - 1] += space + word
      }
    }
    return lines
  }

  /// Characters without the sequences that colour them.
  private static func visibleCount(_ text: String) -> Int {
    var count = 0
    var isEscape = false
    for character in text {
      if character == "\u{1B}" { isEscape = true }
      if !isEscape { count += 1 }
      if isEscape, character == "m" { isEscape = false }
    }
    return count
  }
}
