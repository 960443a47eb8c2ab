/// What the demo does when: calm, a spike of many times the calm rate, calm again; and how many records each
/// producer should have appended at any moment.
///
/// Records are due in ticks: all that fall into one tick are due at its beginning. The plan depends on nothing that
/// happens, so an append that is late is late against it.
struct DemoPlan: Equatable, Sendable {
  /// A part of the demo, by when its records are due.
  enum Phase: Int, CaseIterable { case calm, spike }

  /// How long a tick is.
  static let tickNanoseconds: UInt64 = 1_000_000
  /// How many threads append.
  static let producerCount: UInt64 = 2
  /// How much larger the spike's rate is.
  static let factor: UInt64 = 20

  /// How long the producers append.
  var seconds: Double
  /// Records a second while it is calm.
  var calmRate: Double

  /// When the spike begins and ends, as nanoseconds from the start.
  var spike: Range<UInt64> { nanoseconds(0.30)..<nanoseconds(0.55) }
  /// When the child is killed: in the middle of the spike.
  var kill: UInt64 { (spike.lowerBound + spike.upperBound) / 2 }
  /// When the third consumer is away.
  var absence: Range<UInt64> { nanoseconds(0.20)..<nanoseconds(0.65) }
  /// When nothing more is due.
  var end: UInt64 { nanoseconds(1) }
  /// Records a second while the spike lasts.
  var spikeRate: Double { calmRate * Double(Self.factor) }
  /// Records a second that the slow consumer reads: half of what the spike brings.
  var slowRate: Double { spikeRate / 2 }
  /// How many ticks there are.
  var tickCount: UInt64 { (end + Self.tickNanoseconds - 1) / Self.tickNanoseconds }
  /// How many records there are in all.
  var recordCount: UInt64 { recordCount(by: end) }

  /// The phase of records that are due at a time.
  func phase(at nanoseconds: UInt64) -> Phase { spike.contains(nanoseconds) ? .spike : .calm }

  /// How many records should have been appended before a time.
  func recordCount(by nanoseconds: UInt64) -> UInt64 {
    let time = min(nanoseconds, end)
    let spiked = min(max(time, spike.lowerBound), spike.upperBound) - spike.lowerBound
    let calm = time - spiked
    return UInt64((Double(calm) * calmRate + Double(spiked) * spikeRate) / 1e9)
  }

  /// How many of them one producer should have appended when a tick begins that is followed by none of them.
  ///
  /// The records of tick `t` are those from `recordCount(of: producer, before: t)` on.
  func recordCount(of producer: UInt64, before tick: UInt64) -> UInt64 {
    (recordCount(by: tick * Self.tickNanoseconds) + Self.producerCount - 1 - producer) / Self.producerCount
  }

  /// The tick in which a producer's record is due.
  func tick(of number: UInt64, producer: UInt64) -> UInt64 {
    var low: UInt64 = 0
    var high = tickCount
    while low < high {
      let middle = (low + high) / 2
      if recordCount(of: producer, before: middle + 1) > number { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private func nanoseconds(_ share: Double) -> UInt64 { UInt64(seconds * share * 1e9) }
}
