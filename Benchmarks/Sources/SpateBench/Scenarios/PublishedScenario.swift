/// What an append at `.published` costs a client's module, beside the same loop in C.
///
/// In bursts that fit the memory budget: the ring takes a spike at this speed, and the disk catches up between the bursts.
struct PublishedScenario: Scenario {
  var recordByteCount = 64
  var producers = 1
  var memoryBudgetByteCount = 64 << 20
  /// How much of the budget a burst fills.
  var fillFraction = 0.5
  var target: Target? = .ratio(atMost: 1.15)

  func run(_ context: Context) throws -> [Row] {
    let bed = LoadBed(
      context,
      name: "published",
      storeSettings: EngineStoreSettings(memoryBudgetByteCount: memoryBudgetByteCount),
      retainedByteCount: 512 << 20
    )
    defer { try? bed.close() }
    let frameByteCount = (recordByteCount + 7) / 8 * 8 + 32
    let burst = Int(Double(memoryBudgetByteCount) * fillFraction) / frameByteCount / producers
    var best = Double.infinity
    let comparison = try Comparison(rounds: context.rounds) {
      try context.limits.ringLoop(producers: UInt32(producers), recordByteCount: recordByteCount)
    } measure: { round in
      let nanoseconds = try bed.withQueue { queue in
        _ = try runBurst(on: queue, recordsEach: burst)
        var values: [Double] = []
        let end = nanosecondsNow() + UInt64(context.roundSeconds * 1e9)
        while nanosecondsNow() < end { values.append(try runBurst(on: queue, recordsEach: burst)) }
        best = min(best, values.min() ?? best)
        return values.reduce(0, +) / Double(max(values.count, 1))
      }
      context.log("round \(round + 1): \(NumberFormat.general.text(nanoseconds)) ns")
      return nanoseconds
    }
    return [
      Row(
        scenario: "published",
        measure:
          "published, \(recordByteCount) B, \(producers) producer\(producers == 1 ? "" : "s"), one at a time",
        unit: "ns",
        comparison: comparison,
        baselineName: "C ring loop",
        target: target,
        details: [Detail("best burst", best, "ns"), Detail("burst", Double(burst * producers), "records")]
      )
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
      return (end: nanosecondsNow(), last: last)
    }
    try queue.wait(for: results.map(\.last).max() ?? 0, level: .durable)
    let end = results.map(\.end).max() ?? start
    return Double(end - start) / Double(recordsEach * producers)
  }
}
