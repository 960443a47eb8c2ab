/// The median of several rounds with the least and the greatest.
struct Spread: Codable, Sendable {
  var median: Double
  var minimum: Double
  var maximum: Double

  /// Sums up the values of all rounds; there is at least one.
  init(_ values: [Double]) {
    precondition(!values.isEmpty, "a spread needs at least one value")
    let sorted = values.sorted()
    let middle = sorted.count / 2
    median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    minimum = sorted[0]
    maximum = sorted[sorted.count - 1]
  }

  /// The spread of `values` scaled to another unit.
  init(_ values: [Double], scaledBy factor: Double) {
    self.init(values.map { $0 * factor })
  }

  /// The median, and the range in brackets when there was more than one round.
  func formatted(_ format: NumberFormat = .general) -> String {
    if minimum == maximum { return format.text(median) }
    return "\(format.text(median)) (\(format.text(minimum))–\(format.text(maximum)))"
  }
}

/// How a number is written in tables: three significant digits or so, without an exponent.
enum NumberFormat {
  case general

  /// The number with as many decimals as its size deserves.
  func text(_ value: Double) -> String {
    let magnitude = abs(value)
    if magnitude >= 100 { return decimals(value, 0) }
    if magnitude >= 10 { return decimals(value, 1) }
    return decimals(value, magnitude >= 0.1 || value == 0 ? 2 : 4)
  }

  private func decimals(_ value: Double, _ count: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<count { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 9e18 else { return "\(value)" }
    let units = UInt64(scaled)
    let sign = value < 0 && units > 0 ? "-" : ""
    if count == 0 { return sign + String(units) }
    let fraction = String(units % UInt64(scale))
    let padding = String(repeating: "0", count: count - fraction.count)
    return sign + String(units / UInt64(scale)) + "." + padding + fraction
  }
}
