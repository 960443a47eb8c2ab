import Glibc

/// How an axis turns values into places, and which values it names.
enum ChartScale {
  case linear(step: Double, end: Double)
  /// From one power of ten to another.
  case logarithmic(low: Double, high: Double)

  /// From 0 to a round number that is not below `most`, with about so many steps.
  static func linear(to most: Double, ticks: Double = 4) -> ChartScale {
    let rough = max(most, 1e-9) / ticks
    let power = pow(10, floor(log10(rough)))
    let step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
    return .linear(step: step, end: step * ceil(most / step))
  }

  /// All powers of ten around two positive values.
  static func logarithmic(from least: Double, to most: Double) -> ChartScale {
    let low = floor(log10(max(least, 1)))
    return .logarithmic(low: low, high: max(low + 1, ceil(log10(max(most, 1)))))
  }

  /// The values that the axis names, from its beginning on.
  var ticks: [Double] {
    switch self {
    case .linear(let step, let end): Array(stride(from: 0, through: end + step / 2, by: step))
    case .logarithmic(let low, let high): stride(from: low, through: high, by: 1).map { pow(10, $0) }
    }
  }

  /// Where a value stands, from 0 to 1.
  func share(of value: Double) -> Double {
    switch self {
    case .linear(_, let end): min(1, max(0, value / max(end, 1e-9)))
    case .logarithmic(let low, let high): min(1, max(0, (log10(max(value, 1)) - low) / (high - low)))
    }
  }
}
