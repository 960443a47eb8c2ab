import CSpate

/// Random numbers: the system's, or those of the simulation that the calling thread is in.
struct EngineRandom: RandomNumberGenerator {
  func next() -> UInt64 {
    var number: UInt64 = 0
    // SAFETY: the number outlives the call.
    if unsafe spate_world_random(&number) != 0 { return number }
    var system = SystemRandomNumberGenerator()
    return system.next()
  }
}

extension FixedWidthInteger {
  /// A number of a range, drawn from ``EngineRandom``.
  static func drawn(from range: ClosedRange<Self>) -> Self {
    var generator = EngineRandom()
    return random(in: range, using: &generator)
  }
}
