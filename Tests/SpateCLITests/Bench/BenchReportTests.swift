import Testing

@testable import SpateCLI

struct BenchReportTests {
  private static let rows = [
    BenchRow(
      "append",
      "64 B × 2",
      unit: "GB/s",
      better: .higher,
      values: [1, 1.2, 1.1],
      target: .ratio(atLeast: 0.5)
    )
    .beside("the disk", Comparison(measured: [1, 1.2, 1.1], limits: [2, 2, 2, 2])),
    BenchRow(
      "append",
      "a measure whose name is much longer than any table has room for",
      unit: "GB/s",
      better: .higher,
      values: [4, 12],
      target: .ratio(atLeast: 4)
    ).beside("the disk", Comparison(measured: [4, 12], limits: [2, 2, 4])),
    BenchRow(
      "open",
      "1 GiB in the log",
      unit: "ms",
      better: .lower,
      values: [3],
      target: .measured(atMost: 50)
    ),
  ]

  @Test func aMeasureIsDividedByItsNeighbours() {
    let comparison = Comparison(measured: [10, 10], limits: [5, 15, 25])
    #expect(comparison.ratios == [1, 0.5])
    var steps: [String] = []
    let both = Comparison.interleaved(2, rounds: 2) {
      steps.append("limit")
      return 2
    } measure: { number, round in
      steps.append("\(number) \(round)")
      return Double(number + 1)
    }
    #expect(
      steps == [
        "limit", "0 0", "limit", "1 0", "limit", "0 1", "limit", "1 1", "limit",
      ]
    )
    #expect(both.map(\.ratios) == [[0.5, 0.5], [1, 1]])
    #expect(both[0].limits.count == 3)
  }

  @Test func aSpreadIsTheMedianBetweenTheLeastAndTheGreatest() {
    let odd = Spread([3, 1, 2])
    #expect(odd == Spread([2, 3, 1]) && odd.median == 2 && odd.minimum == 1 && odd.maximum == 3)
    #expect(Spread([1, 2, 3, 4], scaledBy: 10).median == 25)
    #expect(Spread([5, 5]).range == nil)
    #expect(Spread([1, 2]).range == "1.00–2.00")
  }

  @Test(arguments: [200, 136, 100, 80, 60, 40])
  func aTableFitsItsTerminal(columns: Int) {
    let lines = BenchTable(columns: columns).text("Durable", Self.rows).split(separator: "\n")
    #expect(lines.count >= Self.rows.count + 1)
    for line in lines { #expect(line.count <= columns, "\(line.count) columns: \(line)") }
    #expect(lines.contains { $0.contains("█") } == (columns >= 80))
  }

  @Test func coloursAreThereOnlyWhenTheyAreWanted() {
    let plain = BenchTable(columns: 100).text("Durable", Self.rows)
    let coloured = BenchTable(columns: 100, hasColours: true).text("Durable", Self.rows)
    #expect(!plain.contains("\u{1B}"))
    #expect(coloured.contains("\u{1B}[31m") && coloured.contains("\u{1B}[32m"))
    let pattern = /\u{1B}\[[0-9]+m/
    let bare = coloured.replacing(pattern, with: "").split(separator: "\n").map { line in
      line.reversed().drop { $0 == " " }.reversed().map(String.init).joined()
    }
    #expect(bare == plain.split(separator: "\n").map(String.init))
  }

  @Test func theEndingTellsWhatIsMissedAndWhatIsNoisy() {
    var report = BenchReport()
    report.sections = [("Durable", Self.rows)]
    report.warnings = ["this is wrong"]
    let table = BenchTable(columns: 60)
    let text = BenchEnding(report).text(table, columns: 60)
    #expect(text.contains("Targets met: 2 of 3."))
    #expect(text.contains("missed  Durable: a measure"))
    #expect(text.contains("Noisy:"))
    #expect(text.contains("Warning: this is wrong"))
    for line in text.split(separator: "\n") { #expect(line.count <= 60, "\(line)") }
  }

  @Test func aSyncThatNoDiskCanDoIsWarnedOf() {
    func warnings(syncMicroseconds: Double, isInMemory: Bool = false) -> [String] {
      let sync = BenchRow(
        "limits",
        "4 KiB synced write, p50",
        unit: "µs",
        better: .lower,
        values: [syncMicroseconds]
      )
      return MachineNoise().warnings(isInMemory: isInMemory, rows: [sync])
    }
    #expect(warnings(syncMicroseconds: 3).contains { $0.contains("may ignore syncs") })
    #expect(!warnings(syncMicroseconds: 90).contains { $0.contains("may ignore syncs") })
    #expect(warnings(syncMicroseconds: 3, isInMemory: true).contains { $0.contains("tmpfs") })
  }

  @Test func aDiskWhoseLimitMovesIsWarnedOf() {
    func warnings(_ limits: [Double]) -> [String] {
      let row = BenchRow("limits", "1 MiB O_DSYNC", unit: "GB/s", better: .higher, values: limits)
      return MachineNoise().warnings(isInMemory: false, rows: [row]).filter { $0.contains("moved between") }
    }
    #expect(warnings([1, 2]).count == 1)
    #expect(warnings([2, 2.5]) == [])
  }

  @Test func aPercentileOfChanceIsNotDrawn() {
    var latencies = Latencies()
    latencies.record(1000, count: 100)
    let curve = latencies.curve(named: "few")
    #expect(curve.points.map(\.percentile).max() == 95)
    #expect(latencies.count == 100)
  }

  @Test func whatWaitsBehindASlowTickIsCountedWithItsWait() throws {
    // Ticks that were due a millisecond apart and were all done at once at the end.
    let scratch = Scratch()
    let store = try EngineStore.open(at: scratch("store"))
    defer { try? store.close() }
    let queue = try store.queue(named: "q")
    let sequence = try unsafe queue.append([1, 2, 3].span.bytes, level: .durable)
    let start = MonotonicClock.now - 10_000_000
    let appended = Handover<SpikeRecord.Tick>()
    for tick in 0..<10 {
      appended.put(SpikeRecord.Tick(due: start + UInt64(tick) * 1_000_000, sequence: sequence, count: 5))
    }
    appended.close()
    let record = SpikeRecord(ticks: 10)
    try record.gather(appended, on: queue)
    #expect(record.recordCount == 50)
    let all = record.latencies(from: start, seconds: 0..<1)
    #expect(all.count == 50)
    #expect(all.microseconds(at: 100) >= 9_900)
    let samples = record.samples(from: start, count: 5)
    #expect(samples.count == 5)
    #expect(samples.allSatisfy { $0.p99 != nil && $0.offeredPerSecond > 4000 })
  }
}
