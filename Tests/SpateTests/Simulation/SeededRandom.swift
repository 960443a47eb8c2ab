/// Chance that can be had again: all of a simulation's decisions come from one seed.
final class SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  /// A number from 0 up to, not including, `limit`.
  func below(_ limit: Int) -> Int { limit < 2 ? 0 : Int(truncatingIfNeeded: next() >> 33) % limit }

  /// A number of a range.
  func within(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + below(range.upperBound - range.lowerBound + 1)
  }

  /// True in so many of a hundred cases.
  func chance(_ percent: Int) -> Bool { below(100) < percent }
}
