import Glibc

/// Draws a report as SVG, in colours for a light and a dark page: throughput by size beside the limits, latency
/// percentiles, the spike over time. What was not measured is left out.
struct BenchChart {
  private static let colours = ["a", "b", "c", "d", "e"]

  private let report: BenchReport
  private let machine: BenchMachine

  init(_ report: BenchReport, on machine: BenchMachine) {
    self.report = report
    self.machine = machine
  }

  /// The picture.
  var svg: String {
    let panels = [throughput, percentiles, spikeLatency, spikeRate].compactMap { $0 }
    let top = 58.0
    var text = head(height: top + Double(panels.count) * ChartPanel.height + 12)
    for (number, panel) in panels.enumerated() {
      text += panel.svg(top: top + Double(number) * ChartPanel.height)
    }
    return text + "</svg>\n"
  }

  private func head(height: Double) -> String {
    let size = "\(Decimal.text(ChartPanel.width, digits: 0)) \(Decimal.text(height, digits: 0))"
    let facts =
      "\(SpateCommand.configuration.version)   ·   \(machine.processor), \(machine.processorCount) processors   ·   "
      + "Linux \(machine.kernel), \(machine.fileSystem)   ·   \(Timestamp.text(machine.date).prefix(10))"
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(size)" font-family="sans-serif" font-size="12">
      <style>
      .page{fill:#ffffff}.ink{fill:#24292f}.soft{fill:#57606a}.grid{stroke:#d0d7de}.spike{fill:#fff1d6}
      .line{fill:none;stroke-width:2;stroke-linejoin:round}.limit{stroke-dasharray:6 4;stroke-width:1.5}.dot{stroke:none}
      .a{stroke:#0969da}.b{stroke:#bc4c00}.c{stroke:#1a7f37}.d{stroke:#8250df}.e{stroke:#57606a}
      .dot.a{fill:#0969da}.dot.b{fill:#bc4c00}.dot.c{fill:#1a7f37}.dot.d{fill:#8250df}.dot.e{fill:#57606a}
      @media (prefers-color-scheme:dark){.page{fill:#0d1117}.ink{fill:#e6edf3}.soft{fill:#9198a1}.grid{stroke:#30363d}
      .spike{fill:#2d2410}.a{stroke:#58a6ff}.b{stroke:#f0883e}.c{stroke:#3fb950}.d{stroke:#bc8cff}.e{stroke:#9198a1}
      .dot.a{fill:#58a6ff}.dot.b{fill:#f0883e}.dot.c{fill:#3fb950}.dot.d{fill:#bc8cff}.dot.e{fill:#9198a1}}
      </style>
      <rect class="page" width="\(size.split(separator: " ")[0])" height="\(size.split(separator: " ")[1])"/>
      <text class="ink" x="24" y="28" font-size="16" font-weight="bold">Spate beside the limits of this machine</text>
      <text class="soft" x="24" y="47">\(ChartPanel.escaped(facts))</text>

      """
  }

  // MARK: Throughput

  private var throughput: ChartPanel? {
    let rows = report.rows.filter { $0.point != nil }
    let sizes = rows.compactMap { $0.point?.recordByteCount }
    guard let least = sizes.min(), let most = sizes.max(), least < most else { return nil }
    func share(_ size: Int) -> Double {
      log2(Double(size) / Double(least)) / log2(Double(most) / Double(least))
    }
    var lines: [ChartPanel.Line] = []
    var limits: [String: [Spread]] = [:]
    for row in rows {
      guard let point = row.point else { continue }
      if let name = row.limitName, let limit = row.limit { limits[name, default: []].append(limit) }
      let name = "\(point.level), \(point.producers) producer\(point.producers == 1 ? "" : "s")"
      let place = (share: share(point.recordByteCount), value: Optional(row.measured.median))
      if let number = lines.firstIndex(where: { $0.name == name }) {
        lines[number].points.append(place)
      } else {
        lines.append(ChartPanel.Line(name: name, style: "", points: [place], hasDots: true))
      }
    }
    // A single size is no line; it is in the table.
    lines = lines.filter { $0.points.count > 1 }
    for number in lines.indices {
      lines[number].style = Self.colours[number % Self.colours.count]
      lines[number].points.sort { $0.share < $1.share }
    }
    lines += limits.sorted { $0.key < $1.key }.enumerated().map { number, entry in
      let median = Spread(entry.value.map(\.median)).median
      return ChartPanel.Line(
        name: entry.key,
        style: "limit \(number == 0 ? "e" : "d")",
        points: [(0, median), (1, median)]
      )
    }
    let peak = lines.flatMap(\.points).compactMap(\.value).max() ?? 1
    return ChartPanel(
      title: "Throughput by record size, GB of payload a second",
      scale: .linear(to: peak),
      format: { Decimal.text($0, digits: $0 == $0.rounded() ? 0 : 1) },
      ticks: Array(Set(sizes)).sorted().map { (share($0), ByteCount.short(UInt64($0))) },
      lines: lines
    )
  }

  // MARK: Latency

  private var percentiles: ChartPanel? {
    let points = report.curves.flatMap(\.points)
    guard let most = points.map(\.percentile).max(), most > 50 else { return nil }
    // Each nine takes as much room as the one before.
    func nines(_ percentile: Double) -> Double { -log10(1 - min(percentile, 99.999) / 100) }
    func share(_ percentile: Double) -> Double { nines(percentile) / nines(most) }
    let named = [0.0, 50, 90, 99, 99.9, 99.99].filter { $0 <= most }
    return ChartPanel(
      title: "Latency by percentile, append to durable, logarithmic",
      scale: Self.scale(points.map { $0.microseconds * 1e3 }),
      format: { Self.time($0) },
      ticks: named.map { (share($0), $0 == 0 ? "fastest" : "p\(Decimal.text($0, digits: 2).trimmingZeros)") },
      lines: report.curves.enumerated().map { number, curve in
        let style = number == 0 ? "limit e" : Self.colours[(number - 1) % Self.colours.count]
        return ChartPanel.Line(
          name: curve.name,
          style: style,
          points: curve.points.map { (share($0.percentile), $0.microseconds * 1e3) }
        )
      }
    )
  }

  // MARK: Spike

  private var spikeLatency: ChartPanel? {
    let times = report.spike.flatMap { [$0.p50, $0.p99] }.compactMap { $0 }
    guard !times.isEmpty else { return nil }
    return spikePanel(
      "Spike: append to durable, from when a record was due, logarithmic",
      Self.scale(times.map { $0 * 1e3 }),
      { Self.time($0) },
      [("p99", "b", { $0.p99.map { $0 * 1e3 } }), ("p50", "a", { $0.p50.map { $0 * 1e3 } })]
    )
  }

  private var spikeRate: ChartPanel? {
    guard !report.spike.isEmpty else { return nil }
    return spikePanel(
      "Spike: records a second",
      .linear(to: report.spike.map { max($0.offeredPerSecond, $0.durablePerSecond) }.max() ?? 1),
      { Decimal.short($0).replacing(".0 ", with: " ") },
      [("due", "b", { $0.offeredPerSecond }), ("durable", "a", { $0.durablePerSecond })]
    )
  }

  private func spikePanel(
    _ title: String,
    _ scale: ChartScale,
    _ format: @escaping (Double) -> String,
    _ lines: [(name: String, style: String, value: (SpikeSample) -> Double?)]
  ) -> ChartPanel {
    let samples = report.spike
    let end = samples.count > 1 ? samples[samples.count - 1].seconds + samples[0].seconds : 1
    let most = samples.map(\.offeredPerSecond).max() ?? 0
    let spiked = samples.filter { $0.offeredPerSecond > most / 2 }.map(\.seconds)
    let seconds = ChartScale.linear(to: end, ticks: 8).ticks.filter { $0 <= end }
    return ChartPanel(
      title: title,
      scale: scale,
      format: format,
      ticks: seconds.map { ($0 / end, "\(Decimal.text($0, digits: $0 == $0.rounded() ? 0 : 1)) s") },
      band: spiked.isEmpty ? nil : (spiked[0] / end)..<max(spiked[0], spiked[spiked.count - 1]) / end,
      lines: lines.map { line in
        ChartPanel.Line(
          name: line.name,
          style: line.style,
          points: samples.map { ($0.seconds / end, line.value($0)) }
        )
      }
    )
  }

  private static func scale(_ nanoseconds: [Double]) -> ChartScale {
    .logarithmic(from: nanoseconds.filter { $0 > 0 }.min() ?? 1, to: nanoseconds.max() ?? 10)
  }

  private static func time(_ nanoseconds: Double) -> String {
    nanoseconds < 1000
      ? "\(Decimal.text(nanoseconds, digits: 0)) ns"
      : DemoScreen.time(UInt64(nanoseconds)).replacing(".0 ", with: " ").replacing("1.00 s", with: "1 s")
  }
}

extension String {
  /// A decimal number without zeros at its end.
  fileprivate var trimmingZeros: String {
    guard contains(".") else { return self }
    var text = self
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text
  }
}
