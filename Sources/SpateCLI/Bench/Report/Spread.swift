/// The median of several rounds with the least and the greatest.
struct Spread: Sendable, Equatable {
  var median: Double
  var minimum: Double
  var maximum: Double

  /// Sums up the values of all rounds; there is at least one.
  init(_ values: [Double], scaledBy factor: Double = 1) {
    precondition(!values.isEmpty, "a spread needs at least one value")
    let sorted = values.map { $0 * factor }.sorted()
    let middle = sorted.count / 2
    median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    minimum = sorted[0]
    maximum = sorted[sorted.count - 1]
  }

  /// How far the rounds lie apart, as a share of the median.
  var width: Double { median > 0 ? (maximum - minimum) / median : 0 }

  /// `0.91–0.97`; nothing when there was one round only.
  var range: String? {
    let least = Decimal.adaptive(minimum)
    let most = Decimal.adaptive(maximum)
    return least == most ? nil : "\(least)–\(most)"
  }
}
