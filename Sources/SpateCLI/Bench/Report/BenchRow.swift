/// A figure that explains a row.
struct BenchDetail: Sendable {
  var name: String
  var value: Double
  var unit: String

  init(_ name: String, _ value: Double, _ unit: String) {
    self.name = name
    self.value = value
    self.unit = unit
  }
}

/// Where a throughput stands in the plot.
struct BenchPoint: Sendable, Equatable {
  var level: String
  var recordByteCount: Int
  var producers: Int
}

/// One measure, with its limit of the same run and its target where it has them, and what it cost.
struct BenchRow: Sendable {
  /// Which side of a measure is better.
  enum Better: String, Sendable {
    case higher
    case lower
  }

  /// The scenario's name, as the command line takes it.
  var scenario: String
  /// What was measured, in few words.
  var measure: String
  var unit: String
  var better: Better
  /// The measure of each round.
  var values: [Double]
  var measured: Spread
  var limitName: String?
  var limit: Spread?
  var ratio: Spread?
  var target: BenchTarget?
  var cost: BenchCost?
  var details: [BenchDetail]
  var point: BenchPoint?

  /// A measure that stands for itself; its values are multiplied by `scale`.
  init(
    _ scenario: String,
    _ measure: String,
    unit: String,
    better: Better,
    values: [Double],
    scale: Double = 1,
    target: BenchTarget? = nil,
    cost: BenchCost? = nil,
    details: [BenchDetail] = [],
    point: BenchPoint? = nil
  ) {
    self.scenario = scenario
    self.measure = measure
    self.unit = unit
    self.better = better
    self.values = values.map { $0 * scale }
    measured = Spread(self.values)
    self.target = target
    self.cost = cost
    self.details = details
    self.point = point
  }

  /// The same beside its limit.
  func beside(_ name: String, _ comparison: Comparison, scale: Double = 1) -> BenchRow {
    var row = self
    row.limitName = name
    row.limit = Spread(comparison.limits, scaledBy: scale)
    row.ratio = Spread(comparison.ratios)
    return row
  }

  /// Whether the median keeps the target; nil without one.
  var isReached: Bool? {
    target.map { $0.isReached(by: $0.subject == .ratio ? ratio?.median ?? .nan : measured.median) }
  }

  /// The rounds lie so far apart that the median says little.
  var isNoisy: Bool { values.count > 1 && (ratio ?? measured).width > 0.5 }
}
