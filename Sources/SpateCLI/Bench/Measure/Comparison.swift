/// The rounds of a measure between the rounds of its limit.
///
/// A disk's limit drifts by a factor of four within the hour, so a ratio is only taken between neighbours: limit,
/// measure, limit, measure, …, limit; each measure is divided by the mean of the limits on its two sides.
struct Comparison: Sendable {
  private(set) var measured: [Double] = []
  private(set) var limits: [Double] = []
  /// Measure divided by its limit, a value a round.
  private(set) var ratios: [Double] = []

  private init() {}

  /// Takes `rounds` rounds. `measure` gets the number of its round.
  init(rounds: Int, limit: () throws -> Double, measure: (Int) throws -> Double) rethrows {
    self = try Self.interleaved(1, rounds: rounds, limit: limit) { _, round in try measure(round) }[0]
  }

  /// Takes rounds of several measures: each round goes through all of them, with the limit between any two.
  ///
  /// `measure` gets the number of the measure and that of the round.
  static func interleaved(
    _ count: Int,
    rounds: Int,
    limit: () throws -> Double,
    measure: (Int, Int) throws -> Double
  ) rethrows -> [Comparison] {
    var comparisons = [Comparison](repeating: Comparison(), count: count)
    var before = try limit()
    for round in 0..<max(rounds, 1) {
      for number in 0..<count {
        let value = try measure(number, round)
        let after = try limit()
        comparisons[number].add(value, between: before, and: after)
        before = after
      }
    }
    return comparisons
  }

  /// Wraps rounds that were taken elsewhere; there is one limit more than measures.
  init(measured: [Double], limits: [Double]) {
    precondition(limits.count == measured.count + 1, "a limit stands on each side of a measure")
    for round in measured.indices { add(measured[round], between: limits[round], and: limits[round + 1]) }
  }

  /// Wraps rounds that each had a limit of their own beside them.
  init(measured: [Double], beside limits: [Double]) {
    for (value, limit) in zip(measured, limits) { add(value, between: limit, and: limit) }
  }

  private mutating func add(_ value: Double, between before: Double, and after: Double) {
    measured.append(value)
    limits += limits.isEmpty ? [before, after] : [after]
    ratios.append(value / ((before + after) / 2))
  }
}
