/// What cursors at the tail cost the writers beside them, and how much they read.
struct TailScenario: BenchScenario {
  var load = Load()
  var following = EngineLevel.durable
  var cursorCount = 1
  var memoryBudgetByteCount = 64 << 20

  /// Writers lose at most 15 % beside one cursor, 30 % beside eight.
  private var target: BenchTarget? {
    switch cursorCount {
    case 1: .ratio(atLeast: 0.85)
    case ...8: .ratio(atLeast: 0.70)
    default: nil
    }
  }

  private var what: String { "\(cursorCount) tail cursor\(cursorCount == 1 ? "" : "s")" }

  func run(_ context: BenchContext) throws -> [BenchRow] {
    let bed = try LoadBed(
      context,
      name: "tail",
      storeSettings: EngineStoreSettings(memoryBudgetByteCount: memoryBudgetByteCount)
    )
    defer { bed.close() }
    var shares: [Double] = []
    var bandwidths: [Double] = []
    var cost = BenchCost()
    let comparison = try Comparison(rounds: context.rounds) {
      try load.run(on: bed.queue, seconds: context.limitSeconds).bytesPerSecond
    } measure: { round in
      try context.step("\(what), round \(round + 1) of \(context.rounds)")
      let meter = CostMeter(bed.queue)
      let (outcome, read) = try runBesideCursors(bed.queue, seconds: context.roundSeconds)
      cost.add(meter, records: outcome.records, byteCount: outcome.payloadByteCount)
      shares.append(Double(read.records) / Double(cursorCount) / Double(max(outcome.records, 1)))
      bandwidths.append(Double(read.byteCount) / outcome.seconds / 1e9)
      return outcome.bytesPerSecond
    }
    return [
      BenchRow(
        "tail",
        "writers beside \(what)",
        unit: "GB/s",
        better: .higher,
        values: comparison.measured,
        scale: 1e-9,
        target: target,
        cost: cost,
        details: [
          BenchDetail("read by each cursor, of what was appended", Spread(shares).median * 100, "%"),
          BenchDetail("read by all cursors", Spread(bandwidths).median, "GB/s"),
        ]
      ).beside("the writers alone", comparison, scale: 1e-9)
    ]
  }

  private func runBesideCursors(_ queue: EngineQueue, seconds: Double) throws -> (Load.Outcome, EngineReading)
  {
    let stop = StopFlag()
    let level = following
    let readers = try (0..<cursorCount).map { _ in
      let ready = StopFlag()
      let reader = try ResultThread {
        // Set however this ends: the writers wait for it.
        defer { ready.set() }
        var cursor = try queue.cursor(from: .latest, following: level)
        ready.set()
        var sum = EngineReading()
        while !stop.isSet { sum += try cursor.readOrCatchUp(atMost: 4096, waitingSeconds: 0.01) }
        return sum
      }
      while !ready.isSet { MonotonicClock.sleep(seconds: 0.001) }
      return reader
    }
    let outcome: Load.Outcome
    do {
      defer { stop.set() }
      outcome = try load.run(on: queue, seconds: seconds)
    }
    return (outcome, try readers.reduce(into: EngineReading()) { $0 += try $1.join() })
  }
}
