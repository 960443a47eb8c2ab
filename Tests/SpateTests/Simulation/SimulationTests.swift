import CSpate
import Glibc
import Testing

@testable import Spate

/// The whole engine on a simulated disk, cut, killed and closed at any moment: every promise of the guarantees is
/// asked for after each. `SPATE_SEED` replays one seed, with a line for all that happens; `SPATE_SEEDS` is how many to
/// run.
@Suite(.serialized)
struct SimulationTests {
  private static func number(_ name: String) -> UInt64? {
    unsafe getenv(name).flatMap { unsafe UInt64(String(cString: $0)) }
  }

  @Test func everyPromiseHoldsAfterAnyCut() throws {
    if let seed = Self.number("SPATE_SEED") {
      let simulation = Simulation(seed: seed)
      simulation.log = { print($0) }
      simulation.disk.log = { print($0) }
      return try simulation.run()
    }
    let count = Self.number("SPATE_SEEDS") ?? 1000
    var failed: [Simulation.Failure] = []
    var cuts = 0
    for seed in 1...count {
      let simulation = Simulation(seed: seed)
      do { try simulation.run() } catch let failure as Simulation.Failure { failed.append(failure) }
      cuts += simulation.cutCount
      if failed.count == 3 { break }
    }
    for failure in failed { Issue.record("\(failure)") }
    print("simulation: \(count) seeds, \(cuts) power cuts")
  }

  @Test(arguments: [3, 17, 171] as [UInt64])
  func aSeedReplaysExactly(_ seed: UInt64) throws {
    let traces = try (0..<2).map { _ in
      let simulation = Simulation(seed: seed)
      try simulation.run()
      return [simulation.disk.trace, UInt64(simulation.disk.operationCount), simulation.world.nanoseconds]
    }
    #expect(traces[0] == traces[1])
  }
}
