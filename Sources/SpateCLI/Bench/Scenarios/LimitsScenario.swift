/// The limits by themselves, in turn within each round, so that a drift of the machine meets all of them.
struct LimitsScenario: BenchScenario {
  /// The limits that only some of the scenarios stand beside: two threads, the ring loop, many files.
  var isComplete = true

  func byteCount(_ scale: BenchScale) -> UInt64 { 0 }

  func run(_ context: BenchContext) throws -> [BenchRow] {
    let limits = context.limits
    let span = context.roundSeconds
    var bandwidth: [Double] = []
    var latencies: [Latencies] = []
    var writeRate: [Double] = []
    var copies: [[Double]] = [[], []]
    var ring: [[Double]] = [[], []]
    var files: [Double] = []
    var cost = BenchCost()
    for round in 0..<context.rounds {
      try context.step("round \(round + 1) of \(context.rounds)")
      let meter = CostMeter()
      let rate = try limits.durableBandwidth(seconds: span).bytesPerSecond
      cost.add(meter, records: 0, byteCount: UInt64(rate * span))
      bandwidth.append(rate)
      let (values, writes) = try limits.durableWriteLoop(seconds: span)
      latencies.append(values)
      writeRate.append(writes)
      for threads in 1...(isComplete ? 2 : 1) {
        let copied = try limits.memoryCopyBandwidth(threads: UInt32(threads), seconds: span / 4)
        copies[threads - 1].append(copied)
        if isComplete { ring[threads - 1].append(try limits.ringLoop(producers: UInt32(threads))) }
      }
      if isComplete { files.append(Spread(try limits.manyFiles(repeats: 3)).median) }
    }
    func row(_ measure: String, _ unit: String, _ better: BenchRow.Better, _ values: [Double]) -> BenchRow {
      BenchRow("limits", measure, unit: unit, better: better, values: values)
    }
    func write(_ name: String, _ percentile: Double) -> BenchRow {
      row("4 KiB synced write, \(name)", "µs", .lower, latencies.map { $0.microseconds(at: percentile) })
    }
    var rows = [
      row("1 MiB O_DSYNC, 4 in flight", "GB/s", .higher, bandwidth.map { $0 / 1e9 }),
      write("p50", 50), write("p99", 99),
      row("memcpy", "GB/s", .higher, copies[0].map { $0 / 1e9 }),
    ]
    rows[0].cost = cost
    guard isComplete else { return rows }
    rows += [
      row("4 KiB synced write, rate", "writes/s", .higher, writeRate),
      row("memcpy, 2 threads", "GB/s", .higher, copies[1].map { $0 / 1e9 }),
      row("ring loop in C, 64 B × 1", "ns", .lower, ring[0]),
      row("ring loop in C, 64 B × 2", "ns", .lower, ring[1]),
      row("256 files, synced each", "ms", .lower, files.map { $0 * 1e3 }),
    ]
    return rows
  }
}
