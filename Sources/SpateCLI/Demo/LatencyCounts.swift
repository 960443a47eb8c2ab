/// How often something took how long, within 1/16: each doubling has sixteen buckets.
struct LatencyCounts: Sendable {
  private static let bucketsPerDoubling = 16

  private var counts = [UInt64](repeating: 0, count: 64 * bucketsPerDoubling)
  /// How many were counted.
  private(set) var totalCount: UInt64 = 0
  /// The longest one.
  private(set) var maximum: UInt64 = 0

  /// Counts a time so many times.
  mutating func add(_ nanoseconds: UInt64, count: UInt64) {
    counts[Self.bucket(of: nanoseconds)] += count
    totalCount += count
    maximum = max(maximum, nanoseconds)
  }

  /// Counts what another one counted.
  mutating func add(_ other: LatencyCounts) {
    for index in counts.indices { counts[index] += other.counts[index] }
    totalCount += other.totalCount
    maximum = max(maximum, other.maximum)
  }

  /// The time that so large a share of all did not exceed, rounded up to its bucket's end; 0 of nothing.
  func percentile(_ share: Double) -> UInt64 {
    let wanted = max(1, UInt64((Double(totalCount) * share).rounded(.up)))
    var seen: UInt64 = 0
    for (index, count) in counts.enumerated() where count > 0 {
      seen += count
      if seen >= wanted { return min(Self.upperBound(of: index), maximum) }
    }
    return maximum
  }

  static func bucket(of nanoseconds: UInt64) -> Int {
    guard nanoseconds >= 16 else { return Int(nanoseconds) }
    let doubling = 63 - nanoseconds.leadingZeroBitCount
    return (doubling - 3) * bucketsPerDoubling + Int(nanoseconds >> (doubling - 4) & 15)
  }

  static func upperBound(of bucket: Int) -> UInt64 {
    guard bucket >= 16 else { return UInt64(bucket) }
    let doubling = bucket / bucketsPerDoubling + 3
    let part = UInt64(bucket % bucketsPerDoubling)
    return (16 + part) << (doubling - 4) + (1 << (doubling - 4) - 1)
  }
}
