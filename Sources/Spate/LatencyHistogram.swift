/// How often something took how long: 64 buckets, each twice as wide as the one before.
///
/// A plain value; any thread may hold a copy.
public struct LatencyHistogram: Sendable {
  /// `counts[i]` counts times of `2^i ..< 2^(i+1)` nanoseconds; `counts[0]` those below 2.
  public private(set) var counts: [UInt64]

  /// A histogram of nothing.
  public init() { counts = [UInt64](repeating: 0, count: 64) }

  init(counts: [UInt64]) { self.counts = counts }

  /// How many times were counted.
  public var totalCount: UInt64 { counts.reduce(0, &+) }

  /// An upper bound of the time that the given share (0...1) of all counts did not exceed, in nanoseconds,
  /// within a factor of two; 0 when nothing was counted.
  public func percentileNanoseconds(_ share: Double) -> UInt64 {
    let total = totalCount
    guard total > 0 else { return 0 }
    let wanted = UInt64((Double(total) * min(max(share, 0), 1)).rounded(.up))
    var seen: UInt64 = 0
    for (index, count) in counts.enumerated() {
      seen += count
      if seen >= wanted { return index >= 63 ? UInt64.max : 1 << UInt64(index + 1) }
    }
    return UInt64.max
  }

  /// The bucket that a time falls into.
  static func bucket(of nanoseconds: UInt64) -> Int {
    nanoseconds < 2 ? 0 : 63 - nanoseconds.leadingZeroBitCount
  }
}
