/// A record in each of many queues, made durable together, beside a write and a sync for each of as many files.
struct ManyQueuesScenario: BenchScenario {
  var queueCount = 256
  var recordByteCount = 100
  var target: BenchTarget? = .ratio(atMost: 0.25)

  func byteCount(_ scale: BenchScale) -> UInt64 { UInt64(scale.count(queueCount)) << 20 + 64 << 20 }

  func run(_ context: BenchContext) throws -> [BenchRow] {
    let count = context.scale.count(queueCount)
    try context.step("making \(count) queues")
    let path = try context.emptyDirectory("many-queues")
    defer { TemporaryDirectory.remove(path) }
    let store = try EngineStore.open(at: path)
    defer { try? store.close() }
    let queues = try (0..<count).map { try store.queue(named: "queue-\($0)") }
    for _ in 0..<5 { _ = try commit(queues) }
    var cost = BenchCost()
    let comparison = try Comparison(rounds: context.rounds) {
      Spread(try context.limits.manyFiles(UInt32(count), repeats: 3)).median
    } measure: { round in
      try context.step("round \(round + 1) of \(context.rounds)")
      let meter = CostMeter(queues)
      let time = Spread(try (0..<20).map { _ in try commit(queues) }).median
      cost.add(meter, records: UInt64(20 * count), byteCount: UInt64(20 * count * recordByteCount))
      return time
    }
    return [
      BenchRow(
        "many-queues",
        "a record in each of \(count)",
        unit: "ms",
        better: .lower,
        values: comparison.measured,
        scale: 1e3,
        target: target,
        cost: cost
      ).beside("a write and fdatasync each", comparison, scale: 1e3)
    ]
  }

  /// Seconds from the first append until the last record is durable.
  private func commit(_ queues: [EngineQueue]) throws -> Double {
    let payload = Payload.bytes(recordByteCount, seed: 1)
    let start = MonotonicClock.now
    let sequences = try queues.map { try unsafe $0.append(payload.span.bytes, level: .published) }
    for (queue, sequence) in zip(queues, sequences) { try queue.wait(for: sequence, level: .durable) }
    return MonotonicClock.seconds(since: start)
  }
}
