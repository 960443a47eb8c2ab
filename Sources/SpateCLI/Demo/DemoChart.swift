/// Draws the demo as SVG: rate, latency and lag over time, one below the other, in colours for a light and a dark page.
struct DemoChart {
  /// A panel's place and what its vertical axis means.
  private struct Panel {
    var title: String
    var top: Double
    var scale: ChartScale
  }

  /// A value over time, and how it is drawn.
  private struct Line {
    var name: String
    var style: String
    /// One for each sample; nil where there is none.
    var values: [Double?]
  }

  private static let width = 860.0
  private static let left = 78.0
  private static let right = 840.0
  private static let panelHeight = 170.0
  private static let tops = [64.0, 300.0, 536.0]

  private let plan: DemoPlan
  private let samples: [DemoSample]
  private let restarted: DemoJournal.Restart
  private let end: UInt64

  init(plan: DemoPlan, samples: [DemoSample], restarted: DemoJournal.Restart) {
    self.plan = plan
    self.samples = samples
    self.restarted = restarted
    end = max(plan.end, samples.last?.time ?? 0)
  }

  /// The picture.
  var svg: String {
    let times = samples.compactMap(\.p50) + samples.compactMap(\.p99)
    let panels = [
      Panel(
        title: "records a second",
        top: Self.tops[0],
        scale: .linear(to: samples.flatMap { [$0.offeredRate, $0.durableRate] }.max() ?? 1)
      ),
      Panel(
        title: "append to durable, logarithmic",
        top: Self.tops[1],
        scale: .logarithmic(from: Double(times.min() ?? 1), to: Double(times.max() ?? 10))
      ),
      Panel(
        title: "records that a consumer is behind",
        top: Self.tops[2],
        scale: .linear(to: Double(samples.flatMap(\.lags).max() ?? 1))
      ),
    ]
    var text = head
    for (index, panel) in panels.enumerated() {
      text += background(panel)
      text += axes(panel, format: index == 1 ? { DemoScreen.time(UInt64($0)) } : { Decimal.short($0) })
      for line in lines[index] { text += path(line.values, in: panel, style: line.style) }
      text += legend(lines[index], in: panel)
    }
    return text + "</svg>\n"
  }

  /// What each panel shows.
  private var lines: [[Line]] {
    [
      [
        Line(name: "due", style: "a wide", values: samples.map(\.offeredRate)),
        Line(name: "acknowledged as durable", style: "b", values: samples.map(\.durableRate)),
      ],
      [
        Line(name: "p99", style: "a", values: samples.map { $0.p99.map { Double($0) } }),
        Line(name: "p50", style: "b", values: samples.map { $0.p50.map { Double($0) } }),
      ],
      zip(DemoConsumer.Pace.allCases, ["b", "a", "c"]).enumerated().map { index, pace in
        Line(name: pace.0.name, style: pace.1, values: samples.map { Double($0.lags[index]) })
      },
    ]
  }

  // MARK: Parts

  private var head: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.number(Self.width)) 760" \
    font-family="sans-serif" font-size="12">
    <style>
    .page{fill:#ffffff}.ink{fill:#24292f}.soft{fill:#57606a}.grid{stroke:#d0d7de}.spike{fill:#fff1d6}
    .kill{stroke:#cf222e;stroke-dasharray:4 3}.killed{fill:#cf222e}.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
    .a{stroke:#bc4c00}.b{stroke:#0969da}.c{stroke:#1a7f37}.wide{stroke-width:5;stroke-opacity:.35}
    @media (prefers-color-scheme:dark){.page{fill:#0d1117}.ink{fill:#e6edf3}.soft{fill:#9198a1}.grid{stroke:#30363d}
    .spike{fill:#2d2410}.kill{stroke:#ff7b72}.killed{fill:#ff7b72}.a{stroke:#f0883e}.b{stroke:#58a6ff}.c{stroke:#3fb950}}
    </style>
    <rect class="page" width="\(Self.number(Self.width))" height="760"/>
    <text class="ink" x="\(Self.number(Self.left))" y="24" font-size="15" font-weight="bold">\
    From \(Self.rate(plan.calmRate)) to \(Self.rate(plan.spikeRate)) records a second and back; the store's \
    owner is killed on the way</text>

    """
  }

  /// The spike, the kill, the title.
  private func background(_ panel: Panel) -> String {
    let start = x(plan.spike.lowerBound)
    let width = x(plan.spike.upperBound) - start
    let bottom = panel.top + Self.panelHeight
    let killed = x(restarted.killed)
    return """
      <rect class="spike" x="\(Self.number(start))" y="\(Self.number(panel.top))" width="\(Self.number(width))" \
      height="\(Self.number(Self.panelHeight))"/>
      <line class="kill" x1="\(Self.number(killed))" x2="\(Self.number(killed))" y1="\(Self.number(panel.top - 4))" \
      y2="\(Self.number(bottom))"/>
      <text class="killed" x="\(Self.number(killed + 4))" y="\(Self.number(panel.top - 5))">SIGKILL</text>
      <text class="soft" x="\(Self.number(start + 5))" y="\(Self.number(panel.top + 14))">spike</text>
      <text class="ink" x="\(Self.number(Self.left))" y="\(Self.number(panel.top - 6))" \
      font-weight="bold">\(panel.title)</text>

      """
  }

  private func axes(_ panel: Panel, format: (Double) -> String) -> String {
    var text = ""
    for tick in panel.scale.ticks {
      let height = y(tick, in: panel)
      text += """
        <line class="grid" x1="\(Self.number(Self.left))" x2="\(Self.number(Self.right))" y1="\(Self.number(height))" \
        y2="\(Self.number(height))"/>
        <text class="soft" x="\(Self.number(Self.left - 6))" y="\(Self.number(height + 4))" text-anchor="end">\
        \(format(tick).replacing(".0 ", with: " "))</text>

        """
    }
    let bottom = panel.top + Self.panelHeight
    for second in ChartScale.linear(to: Double(end) / 1e9, ticks: 8).ticks where second <= Double(end) / 1e9 {
      let digits = second == second.rounded() ? 0 : 1
      text += """
        <text class="soft" x="\(Self.number(x(UInt64(second * 1e9))))" y="\(Self.number(bottom + 16))" \
        text-anchor="middle">\(Decimal.text(second, digits: digits)) s</text>

        """
    }
    return text
  }

  /// A line with holes where there is no value.
  private func path(_ values: [Double?], in panel: Panel, style: String) -> String {
    var steps = ""
    var isDrawing = false
    for (sample, value) in zip(samples, values) {
      guard let value else {
        isDrawing = false
        continue
      }
      steps += "\(isDrawing ? "L" : "M")\(Self.number(x(sample.time))) \(Self.number(y(value, in: panel)))"
      isDrawing = true
    }
    return "<path class=\"line \(style)\" d=\"\(steps)\"/>\n"
  }

  private func legend(_ lines: [Line], in panel: Panel) -> String {
    var text = ""
    var place = Self.right
    let height = panel.top + Self.panelHeight + 34
    for line in lines.reversed() {
      place -= Double(line.name.count) * 6.6 + 6
      text +=
        "<text class=\"ink\" x=\"\(Self.number(place))\" y=\"\(Self.number(height))\">\(line.name)</text>\n"
      text +=
        "<path class=\"line \(line.style)\" d=\"M\(Self.number(place - 28)) \(Self.number(height - 4))h22\"/>\n"
      place -= 40
    }
    return text
  }

  // MARK: Places

  private func x(_ time: UInt64) -> Double {
    Self.left + Double(time) / Double(end) * (Self.right - Self.left)
  }

  private func y(_ value: Double, in panel: Panel) -> Double {
    panel.top + Self.panelHeight * (1 - panel.scale.share(of: value))
  }

  private static func rate(_ rate: Double) -> String { Decimal.short(rate).replacing(".0 ", with: " ") }

  private static func number(_ value: Double) -> String { Decimal.text(value, digits: 1) }
}
