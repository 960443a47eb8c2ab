import Glibc
import Testing

@testable import Spate

/// A process that appends is killed at random moments: what it was told is there stays there.
///
/// `SPATE_KILL_ROUNDS` sets the rounds for each way of input and output, `SPATE_KILL_SEED` the seed; see
/// `scripts/kill-torture`.
@Suite(.serialized) struct KillTests {
  private static func environment(_ name: String) -> UInt64? {
    guard let text = unsafe getenv(name) else { return nil }
    return unsafe UInt64(String(cString: text))
  }

  private static let rounds = Int(environment("SPATE_KILL_ROUNDS") ?? 12)
  private static let seed = environment("SPATE_KILL_SEED") ?? UInt64.random(in: 1...UInt64(UInt32.max))
  /// A store is given up after so many rounds: each check reads all of it.
  private static let roundsAStore = 12

  @Test(arguments: IOWay.all)
  func acknowledgedRecordsSurviveKillsAtRandomMoments(way: IOWay) throws {
    var acknowledged = 0
    var followed = 0
    var round = 0
    var store: UInt64 = 0
    while round < Self.rounds {
      let variants = KillDriver.Variant.all
      let seed = Self.seed &+ store &* 1_000_003
      let roundsHere = min(Self.roundsAStore, Self.rounds - round, max(1, Self.rounds / variants.count))
      let driver = KillDriver(way: way, variant: variants[Int(store) % variants.count], seed: seed)
      do {
        for _ in 0..<roundsHere { try driver.round() }
        try driver.check()
      } catch {
        Issue.record("SPATE_KILL_SEED=\(Self.seed), store \(store): \(error)")
      }
      acknowledged += driver.acknowledgedCount
      followed += driver.followedCount
      round += roundsHere
      store += 1
    }
    let counts = "\(round) rounds, \(acknowledged) acknowledged, \(followed) followed"
    print("kills (\(way.testDescription)): \(counts), seed \(Self.seed)")
    #expect(acknowledged > 0)
    #expect(followed > 0)
  }
}
