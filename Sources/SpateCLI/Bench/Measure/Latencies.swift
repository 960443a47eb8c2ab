import Histogram

/// Durations in nanoseconds, kept in a histogram of three significant digits.
struct Latencies: Sendable {
  private var histogram = Histogram<UInt64>(
    highestTrackableValue: 120_000_000_000,
    numberOfSignificantValueDigits: .three
  )

  /// No durations.
  init() {}

  /// Takes in what a limit has measured.
  init(_ values: some Sequence<UInt32>) {
    for value in values { record(UInt64(value)) }
  }

  /// How many there are.
  var count: UInt64 { UInt64(histogram.totalCount) }

  /// Takes in one duration, so many times.
  ///
  /// In runs with a rate of their own, count from when a thing was due, not from when it could be begun: what waits
  /// behind a slow one is then counted with its wait, and nothing is left out.
  mutating func record(_ nanoseconds: UInt64, count: UInt64 = 1) {
    _ = histogram.record(min(nanoseconds, 120_000_000_000), count: count)
  }

  /// Takes in those of another thread.
  mutating func add(_ other: Latencies) { histogram.add(other.histogram) }

  /// The duration that `percentile` per cent do not exceed, in microseconds.
  func microseconds(at percentile: Double) -> Double {
    count == 0 ? 0 : Double(histogram.valueAtPercentile(percentile)) / 1e3
  }

  /// The percentiles that a plot shows.
  func curve(named name: String) -> LatencyCurve {
    let percentiles = [0, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99]
    // A percentile that fewer than two durations lie beyond tells of chance only.
    let told = percentiles.filter { Double(count) * (1 - $0 / 100) >= 2 }
    return LatencyCurve(name: name, points: told.map { ($0, microseconds(at: $0)) })
  }
}
