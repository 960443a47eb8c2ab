/// Producers that append as fast as they can, at `durable` beside the disk's limit, at `written` beside memcpy: a case for
/// each size and number of producers, in rounds that go through all of them.
struct AppendScenario: BenchScenario {
  /// One line of the table.
  struct Case: Sendable {
    var recordByteCount = 1024
    var producers = 2
    var target: BenchTarget?
    /// The most CPU time for a GB of payload.
    var cpuTarget: Double?
  }

  var level = EngineLevel.durable
  var cases = [Case()]
  /// How many records each claim takes; 1 is one append at a time.
  var batchCount = 1
  /// Appends one batch again and again, instead of filling it anew each time as a client would.
  var reusesBatch = false
  /// Counts payload and frame instead of the payload alone.
  var countsFrames = false

  func run(_ context: BenchContext) throws -> [BenchRow] {
    // Nothing is synced below `durable`: the kernel has it, and that is all that was asked for.
    let settings =
      level == .durable ? EngineStoreSettings() : EngineStoreSettings(isBuffered: true, syncs: false)
    let bed = try LoadBed(context, name: "append", storeSettings: settings)
    defer { bed.close() }
    var costs = [BenchCost](repeating: BenchCost(), count: cases.count)
    var recordRates = [[Double]](repeating: [], count: cases.count)
    let comparisons = try Comparison.interleaved(cases.count, rounds: context.rounds) {
      level == .durable
        ? try context.limits.durableBandwidth(seconds: context.limitSeconds).bytesPerSecond
        : try context.limits.memoryCopyBandwidth(seconds: min(context.limitSeconds, 0.1))
    } measure: { number, round in
      try context.step("\(text(of: cases[number])), round \(round + 1) of \(context.rounds)")
      let load = load(for: cases[number])
      let meter = CostMeter(bed.queue)
      let outcome = try load.run(on: bed.queue, seconds: context.roundSeconds)
      costs[number].add(meter, records: outcome.records, byteCount: outcome.payloadByteCount)
      recordRates[number].append(Double(outcome.records) / outcome.seconds)
      return countsFrames
        ? outcome.framedBytesPerSecond(recordByteCount: load.recordByteCount) : outcome.bytesPerSecond
    }
    try context.checkInterruption()
    let rows = cases.indices.map { number in
      row(for: cases[number], comparisons[number], costs[number], recordsPerSecond: recordRates[number])
    }
    return rows + cases.indices.compactMap { cpuRow(for: cases[$0], costs[$0]) }
  }

  private func load(for one: Case) -> Load {
    Load(
      recordByteCount: one.recordByteCount,
      producers: one.producers,
      batchCount: batchCount,
      reusesBatch: reusesBatch,
      finalLevel: level
    )
  }

  private func row(
    for one: Case,
    _ comparison: Comparison,
    _ cost: BenchCost,
    recordsPerSecond: [Double]
  ) -> BenchRow {
    BenchRow(
      "append",
      text(of: one),
      unit: "GB/s",
      better: .higher,
      values: comparison.measured,
      scale: 1e-9,
      target: one.target,
      cost: cost,
      details: [BenchDetail("records", Spread(recordsPerSecond).median / 1e6, "M/s")],
      point: BenchPoint(
        level: "\(level)",
        recordByteCount: one.recordByteCount,
        producers: one.producers
      )
    ).beside(level == .durable ? "1 MiB O_DSYNC, 4 in flight" : "memcpy", comparison, scale: 1e-9)
  }

  private func cpuRow(for one: Case, _ cost: BenchCost) -> BenchRow? {
    one.cpuTarget.map { target in
      BenchRow(
        "append",
        text(of: one) + ", CPU",
        unit: "s/GB",
        better: .lower,
        values: [cost.cpuSecondsPerGigabyte ?? 0],
        target: .measured(atMost: target),
        cost: cost
      )
    }
  }

  private func text(of one: Case) -> String {
    var text = "\(ByteCount.short(UInt64(one.recordByteCount))) × \(one.producers)"
    if batchCount > 1 { text += ", batches of \(batchCount)" }
    return text + (countsFrames ? ", with frames" : "")
  }
}
