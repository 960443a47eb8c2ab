import Glibc
import Testing

@testable import Spate
@testable import SpateCrashChild

/// A process with named cursors is killed at random moments: no place goes back behind what was waited for, none is
/// ahead of what was delivered, and nothing that a cursor needs is gone.
@Suite(.serialized) struct ConsumerKillTests {
  @Test(arguments: IOWay.all)
  func placesSurviveKillsAtRandomMoments(way: IOWay) throws {
    let seed = UInt64.random(in: 1...UInt64(UInt32.max))
    var random = SplitMix(state: seed)
    let scratch = IOScratch()
    var settled: [String: UInt64] = [:]
    var delivered: [String: UInt64] = [:]
    var settledCount = 0
    for life in 0..<14 {
      let arguments = [
        "path=\(scratch.path)", "seed=\(random.next() >> 1)",
        "strategy=\(way.strategy == .ioUring ? "ioUring" : "systemCalls")",
        "mode=\(way.mode == .direct ? "direct" : "buffered")", "segment=\(16 << 10)",
        "largestSegment=\(64 << 10)",
      ]
      let child = try ChildProcess(["consume"] + arguments)
      if random.next() % 5 != 0 { _ = child.firstLine() }
      usleep(UInt32(random.next() % 90_000))
      let lines = child.kill()
      #expect(child.wasKilled, "the child ended by itself in life \(life), seed \(seed)")
      for line in lines where line != "open" {
        let fields = line.split(separator: " ").map(String.init)
        let end = try #require(UInt64(fields[fields.count - 1]))
        if fields[0] == "d" {
          // Again or next, never further.
          let first = try #require(UInt64(fields[2]))
          #expect(
            first <= delivered[fields[1]] ?? 0,
            "\(fields[1]) skipped to \(first), life \(life), seed \(seed)"
          )
          delivered[fields[1]] = max(delivered[fields[1]] ?? 0, end)
        } else {
          settled[fields[1]] = max(settled[fields[1]] ?? 0, end)
          settledCount += 1
        }
      }
      try check(ChildArguments(arguments), life: life, seed: seed, settled: settled, delivered: &delivered)
    }
    print("consumer kills (\(way.testDescription)): \(settledCount) waited for, seed \(seed)")
    #expect(settledCount > 0)
  }

  private func check(
    _ arguments: ChildArguments,
    life: Int,
    seed: UInt64,
    settled: [String: UInt64],
    delivered: inout [String: UInt64]
  ) throws {
    // On a copy, so that the next life meets what the kill left.
    let copy = try StoreCopy(of: arguments.path)
    let queue = try copy.open(arguments.storeOptions).queue(named: "events", options: arguments.queueOptions)
    #expect(queue.recoveryReport.damages.isEmpty)
    for description in queue.namedCursors {
      let name = description.name
      #expect(description.acknowledgedSequence >= settled[name] ?? 0, "\(name), life \(life), seed \(seed)")
      #expect(description.acknowledgedSequence <= delivered[name] ?? 0, "\(name), life \(life), seed \(seed)")
      #expect(description.evicted == nil, "\(name), life \(life), seed \(seed)")
      let rest = try queue.delivered(to: name)
      #expect(rest == Array(description.acknowledgedSequence..<queue.recoveryReport.endSequence))
    }
    #expect(queue.namedCursors.count == 2 || settled.count < 2)
  }
}
