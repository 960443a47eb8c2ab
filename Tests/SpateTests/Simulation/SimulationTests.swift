import CSpate
import Glibc
import Testing

@testable import Spate

/// The whole engine on a simulated disk, cut, killed and closed at any moment: every promise of the guarantees is
/// asked for after each.
///
/// `SPATE_SEED` replays one seed, with a line for all that happens. `SPATE_SEEDS` is how many seeds to run.
/// `SPATE_SOAK_MINUTES` runs new ones for so long, as `scripts/soak` asks.
@Suite(.serialized)
struct SimulationTests {
  private static func number(_ name: String) -> UInt64? {
    unsafe getenv(name).flatMap { unsafe UInt64(String(cString: $0)) }
  }

  /// Runs one seed; nil when nothing is wrong.
  private static func failure(of seed: UInt64, cutCount: inout Int) throws -> Simulation.Failure? {
    let simulation = Simulation(seed: seed)
    defer { cutCount += simulation.cutCount }
    do { try simulation.run() } catch let failure as Simulation.Failure { return failure }
    return nil
  }

  @Test func everyPromiseHoldsAfterAnyCut() throws {
    if let seed = Self.number("SPATE_SEED") {
      let simulation = Simulation(seed: seed)
      simulation.log = { print($0) }
      simulation.disk.log = { print($0) }
      return try simulation.run()
    }
    let count = Self.number("SPATE_SEEDS") ?? 2500
    var cutCount = 0
    var failureCount = 0
    for seed in 1...count where failureCount < 3 {
      guard let failure = try Self.failure(of: seed, cutCount: &cutCount) else { continue }
      Issue.record("\(failure)")
      failureCount += 1
    }
    print("simulation: \(count) seeds, \(cutCount) power cuts, \(failureCount) failures")
  }

  @Test(arguments: [3, 17, 171, 1717] as [UInt64])
  func aSeedReplaysExactly(_ seed: UInt64) throws {
    let traces = try (0..<2).map { _ in
      let simulation = Simulation(seed: seed)
      try simulation.run()
      return [simulation.disk.trace, UInt64(simulation.disk.operationCount), simulation.world.nanoseconds]
    }
    #expect(traces[0] == traces[1])
  }

  @Test(.enabled(if: number("SPATE_SOAK_MINUTES") != nil))
  func newSeedsHoldForSomeMinutes() throws {
    let begun = spate_now_monotonic_ns()
    let end = begun + (Self.number("SPATE_SOAK_MINUTES") ?? 0) * 60_000_000_000
    let first = Self.number("SPATE_FIRST_SEED") ?? UInt64.random(in: 1 << 32..<1 << 48)
    var cutCount = 0
    var failureCount = 0
    var seed = first
    var told = begun
    while spate_now_monotonic_ns() < end, failureCount < 20 {
      if let failure = try Self.failure(of: seed, cutCount: &cutCount) {
        Issue.record("\(failure)")
        print("FAILED: \(failure)")
        failureCount += 1
      }
      seed += 1
      let now = spate_now_monotonic_ns()
      guard now - told > 10_000_000_000 else { continue }
      told = now
      print(
        "\((now - begun) / 1_000_000_000) s: \(seed - first) seeds from \(first), \(cutCount) cuts, \(failureCount) failures"
      )
    }
    print("soak: \(seed - first) seeds from \(first), \(cutCount) power cuts, \(failureCount) failures")
  }
}
