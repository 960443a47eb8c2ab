/// A part of the report: scenarios that stand under one heading.
struct BenchSection: Sendable {
  var title: String
  var scenarios: [any BenchScenario]
}

/// Latencies at the percentiles that a plot shows.
struct LatencyCurve: Sendable {
  var name: String
  /// Percentiles with microseconds.
  var points: [(percentile: Double, microseconds: Double)]
}

/// What a rate step looked like in a piece of it.
struct SpikeSample: Sendable {
  var seconds: Double
  var offeredPerSecond: Double
  var durablePerSecond: Double
  /// Microseconds from when a record was due until it was durable; nil where none was due.
  var p50: Double?
  var p99: Double?
}

/// All that a run has found.
struct BenchReport: Sendable {
  var sections: [(title: String, rows: [BenchRow])] = []
  var curves: [LatencyCurve] = []
  var spike: [SpikeSample] = []
  var warnings: [String] = []
  var failures: [String] = []
  var seconds = 0.0

  /// The rows of all sections.
  var rows: [BenchRow] { sections.flatMap(\.rows) }
}
