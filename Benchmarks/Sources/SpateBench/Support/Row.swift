/// A bound that a measure must keep.
struct Target: Codable, Sendable {
  /// Which side of the bound is good.
  enum Direction: String, Codable, Sendable {
    case atLeast
    case atMost
  }

  /// What is compared with the bound.
  enum Subject: String, Codable, Sendable {
    case ratio
    case measured
  }

  var direction: Direction
  var bound: Double
  var subject: Subject

  /// The measure divided by its baseline must be at least `bound`.
  static func ratio(atLeast bound: Double) -> Target {
    Target(direction: .atLeast, bound: bound, subject: .ratio)
  }

  /// The measure divided by its baseline must be at most `bound`.
  static func ratio(atMost bound: Double) -> Target {
    Target(direction: .atMost, bound: bound, subject: .ratio)
  }

  /// The measure itself must be at most `bound`, in its own unit.
  static func measured(atMost bound: Double) -> Target {
    Target(direction: .atMost, bound: bound, subject: .measured)
  }

  /// Whether a median keeps the bound.
  func isReached(by value: Double) -> Bool {
    direction == .atLeast ? value >= bound : value <= bound
  }

  /// For the table: `>= 1.20 x` or `<= 50.0 ms`.
  func formatted(unit: String) -> String {
    let sign = direction == .atLeast ? "≥" : "≤"
    return "\(sign) \(NumberFormat.general.text(bound)) \(subject == .ratio ? "×" : unit)"
  }
}

/// A figure that explains a row and has no target.
struct Detail: Codable, Sendable {
  var name: String
  var value: Double
  var unit: String

  init(_ name: String, _ value: Double, _ unit: String) {
    self.name = name
    self.value = value
    self.unit = unit
  }
}

/// One measure with its baseline of the same run and its target, if it has one.
struct Row: Codable, Sendable {
  var scenario: String
  var measure: String
  var unit: String
  var measured: Spread
  var baselineName: String?
  var baseline: Spread?
  var ratio: Spread?
  var target: Target?
  var reached: Bool?
  var details: [Detail]

  /// A measure that stands for itself.
  init(
    scenario: String,
    measure: String,
    unit: String,
    measured: Spread,
    target: Target? = nil,
    details: [Detail] = []
  ) {
    self.scenario = scenario
    self.measure = measure
    self.unit = unit
    self.measured = measured
    self.target = target
    self.details = details
    reached = target.map { $0.isReached(by: measured.median) }
  }

  /// A measure beside its baseline.
  init(
    scenario: String,
    measure: String,
    unit: String,
    comparison: Comparison,
    baselineName: String,
    scale: Double = 1,
    target: Target? = nil,
    details: [Detail] = []
  ) {
    self.scenario = scenario
    self.measure = measure
    self.unit = unit
    self.baselineName = baselineName
    self.target = target
    self.details = details
    measured = Spread(comparison.measured, scaledBy: scale)
    baseline = Spread(comparison.baselines, scaledBy: scale)
    let ratio = Spread(comparison.ratios)
    self.ratio = ratio
    reached = target.map { $0.isReached(by: $0.subject == .ratio ? ratio.median : measured.median) }
  }
}
