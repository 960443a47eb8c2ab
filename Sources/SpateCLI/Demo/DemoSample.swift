/// How things stood at a moment of the demo.
struct DemoSample: Sendable {
  /// When the sample's interval ended, in nanoseconds from the start.
  var time: UInt64
  /// Records a second that were due, and that were acknowledged, since the last sample.
  var offeredRate: Double
  var durableRate: Double
  /// How long the acknowledgements of the interval took; nil when there was none.
  var p50: UInt64?
  var p99: UInt64?
  /// How many records each consumer had before it.
  var lags: [UInt64]
}
