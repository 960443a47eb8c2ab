/// Rows as a person reads them: wide with all columns, narrower with the costs on a line of their own, plain without bars
/// and colours for files and pipes.
struct BenchTable {
  /// How much there is room for.
  enum Width: Equatable {
    case wide, medium, narrow
  }

  private static let headings = ["CPU s/GB", "peak MiB", "dev B/B", "commits", "batch"]

  private let width: Width
  private let hasBars: Bool
  private let hasColours: Bool
  private let showsDetails: Bool
  private let labelWidth: Int
  private let barWidth: Int

  /// A table for a terminal of so many columns; nil is for no terminal.
  init(columns: Int?, hasColours: Bool = false, showsDetails: Bool = false) {
    width = columns.map { $0 >= 136 ? .wide : $0 >= 80 ? .medium : .narrow } ?? .wide
    hasBars = columns != nil && width != .narrow
    self.hasColours = hasColours
    self.showsDetails = showsDetails
    labelWidth = width == .narrow ? max(12, (columns ?? 80) - 28) : width == .medium ? 26 : 30
    barWidth = width == .wide ? 12 : 10
  }

  /// The rows under a heading. Rows that stand beside the same limit share a line that names it.
  func text(_ title: String, _ rows: [BenchRow]) -> String {
    var lines: [String] = []
    var title = title
    var start = 0
    while start < rows.count {
      let end = rows[start...].firstIndex { $0.limitName != rows[start].limitName } ?? rows.count
      let group = rows[start..<end]
      if start == 0 || rows[start].limitName != nil { lines.append(heading(title, group)) }
      title = ""
      // The bar of the limit itself is never longer than the longest one.
      let full = max(1, group.compactMap { $0.ratio?.median }.max() ?? 1)
      for (index, row) in zip(group.indices, group) {
        lines.append(line(row, full: full))
        let isSame = index > group.startIndex && rows[index - 1].cost == row.cost
        lines += notes(row, withCost: width != .wide && !isSame)
      }
      start = end
    }
    return lines.map { Self.trimmed($0) + "\n" }.joined()
  }

  // MARK: Lines

  private func heading(_ title: String, _ rows: ArraySlice<BenchRow>) -> String {
    let beside = rows.first?.limitName.map { "beside " + $0 } ?? ""
    let costs = width == .wide && rows.contains { $0.cost != nil }
    let left = Self.padded(title, labelWidth + 2)
    guard costs else { return styled(left, .bold) + styled(beside, .dim) }
    let headings = Self.headings.map { Self.padded($0, 9, right: true) }.joined()
    return styled(left, .bold) + styled(Self.padded(beside, wideWidth - labelWidth - 2) + headings, .dim)
  }

  /// Columns before the costs.
  private var wideWidth: Int { 2 + labelWidth + 1 + (hasBars ? barWidth + 1 : 0) + 15 + 22 + 3 }

  private func line(_ row: BenchRow, full: Double) -> String {
    var text = "  " + Self.padded(row.measure, labelWidth) + " "
    if hasBars { text += bar(row, full: full) + " " }
    text += Self.padded("\(Decimal.adaptive(row.measured.median)) \(row.unit)", 14, right: true) + " "
    text += Self.padded(comparison(row), width == .narrow ? 9 : 22)
    text += mark(row)
    guard width == .wide, let cost = row.cost else { return text }
    return text + "  " + Self.texts(cost).map { Self.padded($0, 9, right: true) }.joined()
  }

  /// `0.92 × 0.85–0.97`; the range of the measure itself where there is no limit.
  private func comparison(_ row: BenchRow) -> String {
    guard let ratio = row.ratio else {
      return width == .narrow ? "" : row.measured.range.map { " " + $0 } ?? ""
    }
    let text = " \(Decimal.adaptive(ratio.median)) ×"
    return width == .narrow ? text : text + (ratio.range.map { "  " + $0 } ?? "")
  }

  private func mark(_ row: BenchRow) -> String {
    guard let isReached = row.isReached else { return "  " }
    return styled(isReached ? "✓" : "✗", isReached ? .green : .red) + " "
  }

  private func bar(_ row: BenchRow, full: Double) -> String {
    guard let ratio = row.ratio else { return String(repeating: " ", count: barWidth) }
    let eighths = Int((min(ratio.median / full, 1) * Double(barWidth * 8)).rounded())
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
    let bar = String(repeating: "█", count: eighths / 8) + rest
    let style: Style = row.isReached == false ? .red : row.isReached == true ? .green : .blue
    // Where the limit stands, when the bar does not reach it.
    let limit = min(Int(Double(barWidth) / full), barWidth - 1)
    var room = Array(repeating: " ", count: max(0, barWidth - bar.count))
    if limit >= bar.count { room[limit - bar.count] = "┊" }
    return styled(bar, style) + styled(room.joined(), .dim)
  }

  private func notes(_ row: BenchRow, withCost: Bool) -> [String] {
    var notes: [String] = []
    if withCost, let cost = row.cost {
      let parts = zip(Self.texts(cost), Self.headings).filter { $0.0 != "-" }
      if !parts.isEmpty { notes.append(parts.map { "\($0.1) \($0.0)" }.joined(separator: "  ")) }
    }
    if showsDetails {
      notes += row.details.map { "\($0.name): \(Decimal.adaptive($0.value)) \($0.unit)" }
      if let target = row.target { notes.append("target: \(target.text(unit: row.unit))") }
    }
    return notes.map { styled("    " + $0, .dim) }
  }

  private static func texts(_ cost: BenchCost) -> [String] {
    [
      cost.cpuSecondsPerGigabyte.map(Decimal.adaptive),
      cost.peakMemoryByteCount > 0 ? "\(cost.peakMemoryByteCount >> 20)" : nil,
      cost.deviceBytesPerPayloadByte.map(Decimal.adaptive),
      cost.commitCount.map { Decimal.short(Double($0)) },
      cost.meanBatch.map(Decimal.short),
    ].map { $0 ?? "-" }
  }

  // MARK: Text

  /// Ways to set text apart.
  enum Style: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case blue = "34"
  }

  /// Text set apart, where there are colours.
  func styled(_ text: String, _ style: Style) -> String {
    hasColours && !text.isEmpty ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  private static func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
    let count = text.count
    if count > width { return right ? text : text.prefix(width - 1) + "…" }
    let space = String(repeating: " ", count: width - count)
    return right ? space + text : text + space
  }

  private static func trimmed(_ line: String) -> String {
    var line = line
    while line.last == " " { line.removeLast() }
    return line
  }
}
