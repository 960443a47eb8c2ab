import Glibc
import Testing

@testable import Spate
@testable import SpateCrashChild

/// A leader is killed while it puts its fencing epoch in force or appends with it: its epoch stays, and nobody appends with
/// an older one.
@Suite(.serialized) struct LeaderKillTests {
  @Test(arguments: IOWay.all)
  func theEpochOfAKilledLeaderKeepsOlderOnesFromAppending(way: IOWay) throws {
    let seed = UInt64.random(in: 1...UInt64(UInt32.max))
    var random = SplitMix(state: seed)
    let scratch = IOScratch()
    // What was acknowledged, and what the last owner found.
    var known: [UInt64: UInt64] = [:]
    var inForce: UInt64 = 0
    for epoch in stride(from: 2, through: 16, by: 2) as StrideThrough<UInt64> {
      let arguments = [
        "path=\(scratch.path)", "epoch=\(epoch)",
        "strategy=\(way.strategy == .ioUring ? "ioUring" : "systemCalls")",
        "mode=\(way.mode == .direct ? "direct" : "buffered")",
      ]
      let child = try ChildProcess(["lead"] + arguments)
      _ = child.firstLine()
      usleep(UInt32(random.next() % 30_000))
      let lines = child.kill()
      #expect(child.wasKilled, "the leader of epoch \(epoch) ended by itself, seed \(seed)")
      if lines.contains("leads") { inForce = epoch }
      for line in lines where line.hasPrefix("a ") {
        let fields = line.split(separator: " ").map(String.init)
        let sequence = try #require(UInt64(fields[1]))
        known[sequence] = UInt64(fields[2])
      }
      let options = ChildArguments(arguments).storeOptions
      let store = try Store.open(at: scratch.path, options: options)
      let queue = try store.queue(named: "a")
      // One that was on its way may be in force.
      #expect(queue.fencingEpoch == inForce || queue.fencingEpoch == epoch, "seed \(seed)")
      inForce = queue.fencingEpoch
      #expect(queue.fence == inForce)
      if inForce > 0 { #expect(failure { try queue.fenced(at: inForce - 1) }?.code == .fenced) }
      let log = try CrashLog(reading: queue)
      for complaint in log.complaints { Issue.record("epoch \(epoch), seed \(seed): \(complaint)") }
      for (sequence, hash) in known { #expect(log.seen[sequence] == hash, "seed \(seed)") }
      known = log.seen
      // The next leader is of this process; the one before comes back and does not know.
      let next = try queue.fenced(at: epoch + 1)
      let payload = CrashRecord.payload(life: epoch + 1, producer: 0, number: 1, byteCount: 100)
      known[try next.append(payload)] = CrashRecord.hash(payload)
      try store.close()
      inForce = epoch + 1
      let late = try ChildProcess(["lead"] + arguments).finish()
      #expect(late == ["open", "refused \(SpateError.Code.fenced.rawValue)"], "seed \(seed)")
    }
    #expect(known.count > 8)
  }
}
