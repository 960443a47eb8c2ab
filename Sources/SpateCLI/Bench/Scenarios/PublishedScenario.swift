/// What an append at `published` costs a client's module, beside the same loop in C.
///
/// In bursts that fit the memory budget: the ring takes a spike at this speed, and the disk catches up between the bursts.
struct PublishedScenario: BenchScenario {
  var recordByteCount = 64
  var producers = 1
  var memoryBudgetByteCount = 64 << 20
  /// How much of the budget a burst fills.
  var fillFraction = 0.5
  var target: BenchTarget? = .ratio(atMost: 1.15)

  func run(_ context: BenchContext) throws -> [BenchRow] {
    let bed = try LoadBed(
      context,
      name: "published",
      storeSettings: EngineStoreSettings(memoryBudgetByteCount: memoryBudgetByteCount),
      retainedByteCount: 512 << 20
    )
    defer { bed.close() }
    let frameByteCount = (recordByteCount + 7) / 8 * 8 + 32
    let burst = max(
      context.scale.count(Int(Double(memoryBudgetByteCount) * fillFraction) / frameByteCount / producers),
      1
    )
    var best = Double.infinity
    var cost = BenchCost()
    let comparison = try Comparison(rounds: context.rounds) {
      try context.limits.ringLoop(
        producers: UInt32(producers),
        recordByteCount: (recordByteCount + 7) / 8 * 8
      )
    } measure: { round in
      try context.step("round \(round + 1) of \(context.rounds)")
      _ = try runBurst(on: bed.queue, recordsEach: burst)
      var values: [Double] = []
      let meter = CostMeter(bed.queue)
      let end = MonotonicClock.now + UInt64(context.roundSeconds * 1e9)
      repeat { values.append(try runBurst(on: bed.queue, recordsEach: burst)) } while MonotonicClock.now < end
      let records = UInt64(values.count * burst * producers)
      cost.add(meter, records: records, byteCount: records * UInt64(recordByteCount))
      best = min(best, values.min() ?? best)
      return values.reduce(0, +) / Double(values.count)
    }
    return [
      BenchRow(
        "append",
        "\(ByteCount.short(UInt64(recordByteCount))) × \(producers) into the ring",
        unit: "ns",
        better: .lower,
        values: comparison.measured,
        target: target,
        cost: cost,
        details: [
          BenchDetail("best burst", best, "ns"), BenchDetail("burst", Double(burst * producers), "records"),
        ]
      ).beside("the same loop in C", comparison)
    ]
  }

  /// One burst, then a wait until all of it is durable. Returns nanoseconds a record of the burst alone.
  private func runBurst(on queue: EngineQueue, recordsEach: Int) throws -> Double {
    let size = recordByteCount
    let (results, start) = try Workers.run(producers) { index in
      let payload = Payload.bytes(size, seed: UInt64(index + 1))
      let bytes = unsafe payload.span.bytes
      var last: UInt64 = 0
      for _ in 0..<recordsEach { last = try queue.append(bytes, level: .published) }
      return (end: MonotonicClock.now, last: last)
    }
    try queue.wait(for: results.map(\.last).max() ?? 0, level: .durable)
    let end = results.map(\.end).max() ?? start
    return Double(end - start) / Double(recordsEach * producers)
  }
}
