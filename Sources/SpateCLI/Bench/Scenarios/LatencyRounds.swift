/// Latencies beside those of a raw durable write, gathered over rounds.
struct LatencyRounds {
  private static let percentiles = [("p50", 50.0), ("p99", 99), ("p99.9", 99.9)]

  private var raw: [Latencies] = []
  private var engine: [Latencies] = []
  private(set) var cost = BenchCost()

  /// Takes rounds of `work`, which returns its latencies and the records a second; between them raw durable writes of 4
  /// KiB, one after the other. Returns the rates beside those of the raw writes.
  mutating func measure(
    _ context: BenchContext,
    what: String,
    queue: EngineQueue,
    recordByteCount: Int,
    work: () throws -> (latencies: Latencies, rate: Double)
  ) throws -> Comparison {
    try Comparison(rounds: context.rounds) {
      let (latencies, rate) = try context.limits.durableWriteLoop(seconds: context.limitSeconds)
      raw.append(latencies)
      return rate
    } measure: { round in
      try context.step("\(what), round \(round + 1) of \(context.rounds)")
      let meter = CostMeter(queue)
      let (latencies, rate) = try work()
      try context.checkInterruption()
      cost.add(meter, records: latencies.count, byteCount: latencies.count * UInt64(recordByteCount))
      engine.append(latencies)
      return rate
    }
  }

  /// A row for each percentile.
  func rows(_ scenario: String, _ what: String, targets: [String: BenchTarget]) -> [BenchRow] {
    Self.percentiles.map { name, percentile in
      let comparison = Comparison(
        measured: engine.map { $0.microseconds(at: percentile) },
        limits: raw.map { $0.microseconds(at: percentile) }
      )
      return BenchRow(
        scenario,
        "\(what), \(name)",
        unit: "µs",
        better: .lower,
        values: comparison.measured,
        target: targets[name],
        cost: cost
      ).beside("raw 4 KiB synced writes", comparison)
    }
  }

  /// What a plot shows: these latencies, and those of the raw writes.
  func curves(_ what: String) -> (engine: LatencyCurve, raw: LatencyCurve) {
    func sum(_ rounds: [Latencies]) -> Latencies {
      rounds.reduce(into: Latencies()) { $0.add($1) }
    }
    return (sum(engine).curve(named: what), sum(raw).curve(named: "raw 4 KiB synced write"))
  }
}
