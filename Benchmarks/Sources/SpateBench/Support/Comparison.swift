/// The rounds of a measure between the rounds of its baseline.
///
/// A disk's limit drifts by a factor of four within the hour, so a ratio is only taken between neighbours:
/// baseline, measure, baseline, measure, …, baseline; each measure is divided by the mean of the baselines on its two sides.
struct Comparison: Sendable {
  private(set) var measured: [Double] = []
  private(set) var baselines: [Double] = []

  /// Measure divided by its baseline, a value a round.
  var ratios: [Double] {
    measured.indices.map { measured[$0] / ((baselines[$0] + baselines[$0 + 1]) / 2) }
  }

  /// Takes `rounds` rounds. `measure` gets the number of its round.
  init(rounds: Int, baseline: () throws -> Double, measure: (Int) throws -> Double) rethrows {
    baselines.append(try baseline())
    for round in 0..<max(rounds, 1) {
      measured.append(try measure(round))
      baselines.append(try baseline())
    }
  }

  /// Wraps rounds that were taken elsewhere; there is one baseline more than measures.
  init(measured: [Double], baselines: [Double]) {
    precondition(baselines.count == measured.count + 1, "a baseline stands on each side of a measure")
    self.measured = measured
    self.baselines = baselines
  }
}
