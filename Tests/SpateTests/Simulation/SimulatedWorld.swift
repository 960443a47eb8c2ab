import CSpate
import Glibc

/// The clock, the chance and the waiting of one simulation, in place of the system's, on one thread.
///
/// Time passes a little with each look at it and each turn, and in leaps when nobody has anything to do. Whoever
/// waits lets the others take turns until what it waits for has come.
@safe
final class SimulatedWorld {
  let random: SeededRandom
  private(set) var nanoseconds: UInt64 = 1_000_000_000
  /// What the wall clock is ahead of the monotonic one; it jumps.
  private var wallOffset: UInt64 = 1_700_000_000_000_000_000
  /// Lets somebody else take a turn; false when nobody has anything to do.
  var takeTurn: () -> Bool = { false }
  /// Called when a wait does not end.
  var hang: () -> Never = { fatalError("the simulation hangs") }
  // SAFETY: made here, freed at the end, after the thread has left the world.
  private let world: UnsafeMutablePointer<spate_world>

  init(random: SeededRandom) {
    self.random = random
    unsafe world = .allocate(capacity: 1)
    unsafe world.initialize(to: spate_world())
  }

  deinit { unsafe world.deallocate() }

  /// Runs `body` with this thread in the world.
  func run<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
    unsafe world.pointee = spate_world(
      context: Unmanaged.passUnretained(self).toOpaque(),
      monotonic_ns: { unsafe SimulatedWorld.from($0).look() },
      realtime_ns: { unsafe SimulatedWorld.from($0).wallTime() },
      random: { unsafe SimulatedWorld.from($0).random.next() },
      wait: { unsafe SimulatedWorld.from($0).wait($1, $2, $3) }
    )
    unsafe spate_enter_world(world)
    defer { spate_enter_world(nil) }
    return try body()
  }

  @unsafe
  private static func from(_ context: UnsafeMutableRawPointer?) -> SimulatedWorld {
    // SAFETY: the object that entered the world, which outlives its stay.
    unsafe Unmanaged<SimulatedWorld>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue()
  }

  /// Lets time pass.
  func advance(_ step: Int) { nanoseconds += UInt64(step) }

  /// The wall clock jumps, perhaps backwards.
  func jump() {
    wallOffset &+= UInt64(bitPattern: Int64(random.within(-3_600_000...3_600_000)) * 1_000_000)
  }

  private func look() -> UInt64 {
    nanoseconds += 50
    return nanoseconds
  }

  private func wallTime() -> UInt64 { look() &+ wallOffset }

  private func wait(_ word: UnsafePointer<UInt32>?, _ expected: UInt32, _ deadline: Int64) -> Int32 {
    for _ in 0..<100_000 {
      // SAFETY: a futex word that the waiting call keeps; nobody else is there to change it meanwhile.
      if let word = unsafe word, unsafe word.pointee != expected { return 0 }
      if deadline >= 0, nanoseconds >= UInt64(deadline) { return -ETIMEDOUT }
      if !takeTurn() {
        let step = UInt64(random.within(100_000...20_000_000))
        nanoseconds = deadline >= 0 ? min(nanoseconds + step, UInt64(deadline)) : nanoseconds + step
      }
      nanoseconds += UInt64(random.within(100...20_000))
    }
    hang()
  }
}
