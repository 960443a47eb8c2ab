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
  var count: Int { Int(histogram.totalCount) }

  /// Takes in one.
  mutating func record(_ nanoseconds: UInt64) { _ = histogram.record(nanoseconds) }

  /// Takes in those of another thread.
  mutating func add(_ other: Latencies) { histogram.add(other.histogram) }

  /// The duration that `percentile` per cent do not exceed, in microseconds.
  func microseconds(at percentile: Double) -> Double {
    count == 0 ? 0 : Double(histogram.valueAtPercentile(percentile)) / 1e3
  }
}
