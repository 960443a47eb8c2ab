import Glibc
import Testing

@testable import Spate

/// The power of a disk is cut at random moments, with the kernel's own file systems on it: what was acknowledged as
/// durable is there.
///
/// `SPATE_POWER_CUTS` sets the cuts for each file system, `SPATE_POWER_SEED` the seed, `SPATE_POWER_FILE_SYSTEM`
/// one file system, and `SPATE_POWER_WITHOUT_SYNC` takes the syncs out of the owner; see `scripts/powercut`.
@Suite(.serialized, .enabled(if: PowerCutTools.missing == nil, PowerCutTools.missing))
struct PowerCutTests {
  private static func environment(_ name: String) -> String? {
    guard let text = unsafe getenv(name) else { return nil }
    return unsafe String(cString: text)
  }

  private static let cutCount = environment("SPATE_POWER_CUTS").flatMap { Int($0) } ?? 5
  private static let seed =
    environment("SPATE_POWER_SEED").flatMap { UInt64($0) } ?? UInt64.random(in: 1...UInt64(UInt32.max))
  private static let withoutSync = environment("SPATE_POWER_WITHOUT_SYNC") != nil

  @Test func acknowledgedRecordsSurvivePowerCutsAtRandomMoments() throws {
    let chosen = Self.environment("SPATE_POWER_FILE_SYSTEM")
    let fileSystems = try PowerCutTools.found.get().fileSystems.filter {
      chosen ?? $0.rawValue == $0.rawValue
    }
    var summaries: [(fileSystem: DiskFileSystem, summary: PowerCutSummary)] = []
    for fileSystem in fileSystems {
      let driver = try PowerCutDriver(on: fileSystem, seed: Self.seed, withoutSync: Self.withoutSync)
      driver.run(cutCount: Self.cutCount)
      summaries.append((fileSystem, driver.summary))
    }
    print("power cuts, seed \(Self.seed)\n\(PowerCutSummary.table(summaries))")
    for (_, summary) in summaries {
      for failure in summary.failures { Issue.record("SPATE_POWER_SEED=\(Self.seed): \(failure)") }
      #expect(summary.checkedCount > 0)
    }
  }

  /// The rig sees what it is there to see.
  @Test func powerCutsShowTheLossesOfAnOwnerThatDoesNotSync() throws {
    let fileSystem = try #require(try PowerCutTools.found.get().fileSystems.first)
    let driver = try PowerCutDriver(on: fileSystem, seed: Self.seed, withoutSync: true)
    driver.run(cutCount: 40, untilFirstFailure: true)
    #expect(!driver.summary.failures.isEmpty, "SPATE_POWER_SEED=\(Self.seed)")
  }
}
