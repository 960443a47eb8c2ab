/// One of several charts that stand below each other in an SVG: axes, lines, a legend.
struct ChartPanel {
  /// A value over the horizontal axis, and how it is drawn.
  struct Line {
    var name: String
    /// Classes of the style sheet.
    var style: String
    /// From left (0) to right (1), with the values there; a line has a hole where there is no value.
    var points: [(share: Double, value: Double?)]
    /// Whether each point is shown by itself, too.
    var hasDots = false
  }

  static let width = 860.0
  static let height = 290.0
  private static let left = 78.0
  private static let right = 836.0
  private static let plotTop = 46.0
  private static let plotHeight = 188.0

  var title: String
  var scale: ChartScale
  var format: (Double) -> String
  /// Names at places from left (0) to right (1).
  var ticks: [(share: Double, text: String)]
  /// A part of the horizontal axis that is set off.
  var band: Range<Double>?
  var lines: [Line]

  /// The panel with its upper edge at `top`.
  func svg(top: Double) -> String {
    var text = """
      <text class="ink" x="\(Self.number(Self.left))" y="\(Self.number(top + 26))" font-weight="bold">\
      \(Self.escaped(title))</text>

      """
    if let band {
      text += """
        <rect class="spike" x="\(Self.number(x(band.lowerBound)))" y="\(Self.number(top + Self.plotTop))" \
        width="\(Self.number(x(band.upperBound) - x(band.lowerBound)))" height="\(Self.number(Self.plotHeight))"/>

        """
    }
    text += axes(top)
    for line in lines { text += path(line, top) }
    return text + legend(top)
  }

  private func axes(_ top: Double) -> String {
    var text = ""
    for tick in scale.ticks {
      let height = y(tick, top)
      text += """
        <line class="grid" x1="\(Self.number(Self.left))" x2="\(Self.number(Self.right))" \
        y1="\(Self.number(height))" y2="\(Self.number(height))"/>
        <text class="soft" x="\(Self.number(Self.left - 6))" y="\(Self.number(height + 4))" \
        text-anchor="end">\(Self.escaped(format(tick)))</text>

        """
    }
    let below = top + Self.plotTop + Self.plotHeight
    for tick in ticks {
      text += """
        <text class="soft" x="\(Self.number(x(tick.share)))" y="\(Self.number(below + 17))" \
        text-anchor="middle">\(Self.escaped(tick.text))</text>

        """
    }
    return text
  }

  private func path(_ line: Line, _ top: Double) -> String {
    var steps = ""
    var dots = ""
    var isDrawing = false
    for point in line.points {
      guard let value = point.value else {
        isDrawing = false
        continue
      }
      let place = (x: Self.number(x(point.share)), y: Self.number(y(value, top)))
      steps += "\(isDrawing ? "L" : "M")\(place.x) \(place.y)"
      if line.hasDots {
        dots += "<circle class=\"dot \(line.style)\" cx=\"\(place.x)\" cy=\"\(place.y)\" r=\"3\"/>\n"
      }
      isDrawing = true
    }
    return steps.isEmpty ? "" : "<path class=\"line \(line.style)\" d=\"\(steps)\"/>\n" + dots
  }

  private func legend(_ top: Double) -> String {
    var text = ""
    var place = Self.right
    let height = top + Self.plotTop + Self.plotHeight + 39
    for line in lines.reversed() {
      place -= Double(line.name.count) * 6.3 + 6
      text += """
        <text class="ink" x="\(Self.number(place))" y="\(Self.number(height))">\(Self.escaped(line.name))</text>
        <path class="line \(line.style)" d="M\(Self.number(place - 27)) \(Self.number(height - 4))h21"/>

        """
      place -= 38
    }
    return text
  }

  private func x(_ share: Double) -> Double { Self.left + share * (Self.right - Self.left) }

  private func y(_ value: Double, _ top: Double) -> Double {
    top + Self.plotTop + Self.plotHeight * (1 - scale.share(of: value))
  }

  private static func number(_ value: Double) -> String { Decimal.text(value, digits: 1) }

  /// Text as XML takes it.
  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}
