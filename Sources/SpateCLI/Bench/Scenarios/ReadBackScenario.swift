/// Reading a log from its beginning through the page cache, with every checksum verified, beside the speed of memory.
struct ReadBackScenario: BenchScenario {
  var recordByteCount = 1024
  var logByteCount: UInt64 = 2 << 30
  var target: BenchTarget? = .ratio(atLeast: 0.5)

  func byteCount(_ scale: BenchScale) -> UInt64 {
    scale.bytes(logByteCount) * UInt64(recordByteCount + 40) / UInt64(recordByteCount) * 5 / 4 + 768 << 20
  }

  func run(_ context: BenchContext) throws -> [BenchRow] {
    try context.step("writing a log")
    let path = try context.emptyDirectory("read-back")
    defer { TemporaryDirectory.remove(path) }
    let written = try write(path, byteCount: context.scale.bytes(logByteCount))
    let store = try EngineStore.open(at: path)
    defer { try? store.close() }
    let queue = try store.queue(named: "bench")
    try context.step("reading it once")
    _ = try readAll(queue, expecting: written)
    var cost = BenchCost()
    let comparison = try Comparison(rounds: context.rounds) {
      try context.limits.memoryCopyBandwidth(seconds: min(context.limitSeconds, 0.2))
    } measure: { round in
      try context.step("round \(round + 1) of \(context.rounds)")
      let meter = CostMeter()
      let rate = try readAll(queue, expecting: written)
      cost.add(meter, records: written, byteCount: written * UInt64(recordByteCount))
      return rate
    }
    return [
      BenchRow(
        "read-back",
        "cold reader, \(ByteCount.short(UInt64(recordByteCount)))",
        unit: "GB/s",
        better: .higher,
        values: comparison.measured,
        scale: 1e-9,
        target: target,
        cost: cost,
        details: [
          BenchDetail("records", Spread(comparison.measured).median / Double(recordByteCount) / 1e6, "M/s")
        ]
      ).beside("memcpy", comparison, scale: 1e-9)
    ]
  }

  private func write(_ path: String, byteCount: UInt64) throws -> UInt64 {
    let store = try EngineStore.open(at: path)
    let queue = try store.queue(named: "bench")
    let outcome = try Load(recordByteCount: recordByteCount).run(
      on: queue,
      seconds: 600,
      byteCountLimit: byteCount
    )
    try store.close()
    return outcome.records
  }

  /// Payload bytes a second of one cursor over all records.
  private func readAll(_ queue: EngineQueue, expecting records: UInt64) throws -> Double {
    let start = MonotonicClock.now
    var cursor = try queue.cursor(from: .earliest, following: .durable)
    var sum = EngineReading()
    while UInt64(sum.records) < records, !Interruption.isRequested {
      let reading = try cursor.read(atMost: 65_536, waitingSeconds: 1)
      if reading.records == 0 {
        throw CommandFailure.failed("the cursor ended after \(sum.records) of \(records) records")
      }
      sum += reading
    }
    return Double(sum.byteCount) / MonotonicClock.seconds(since: start)
  }
}
