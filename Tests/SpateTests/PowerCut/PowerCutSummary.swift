/// What the cuts of one file system came to.
struct PowerCutSummary {
  private(set) var unsynced: [Int] = []
  /// Images that were opened: two for each cut, the second of a store that was appended to in between.
  var openedCount = 0
  /// Comparisons of an acknowledged record with an image.
  var checkedCount = 0
  /// What went wrong, each with what repeats it.
  var failures: [String] = []

  mutating func note(_ cut: VolatileDisks.Cut) { unsynced.append(cut.unsyncedCount) }

  /// One line for each file system, under a heading.
  static func table(_ summaries: [(fileSystem: DiskFileSystem, summary: PowerCutSummary)]) -> String {
    var rows = [
      ["file system", "cuts", "opened", "unsynced min", "median", "max", "records checked", "failures"]
    ]
    for (fileSystem, summary) in summaries {
      let sorted = summary.unsynced.sorted()
      rows.append([
        "\(fileSystem)", "\(sorted.count)", "\(summary.openedCount)", "\(sorted.first ?? 0)",
        "\(sorted.isEmpty ? 0 : sorted[sorted.count / 2])", "\(sorted.last ?? 0)", "\(summary.checkedCount)",
        "\(summary.failures.count)",
      ])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      zip(row, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
