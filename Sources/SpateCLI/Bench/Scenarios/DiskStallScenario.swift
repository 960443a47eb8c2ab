/// How long appends take while the disk stands still, beside a thread that only reads the clock.
///
/// The producer offers 100 MB/s in millisecond steps and stamps each append. The control thread keeps the same steps and
/// stamps as many spans, each filled with readings of the clock for as long as a median append takes: what the machine
/// takes from both, by other threads and by its host, it takes from the control too.
struct DiskStallScenario: BenchScenario {
  var recordByteCount = 1024
  var bytesPerSecond = 100e6
  var stallSeconds = 0.5
  var memoryBudgetByteCount = 64 << 20
  var target: BenchTarget? = .ratio(atMost: 2)

  func byteCount(_ scale: BenchScale) -> UInt64 { 1 << 30 }

  func run(_ context: BenchContext) throws -> [BenchRow] {
    var engine: [Double] = []
    var control: [Double] = []
    var medians: [Double] = []
    var longest = 0.0
    var cost = BenchCost()
    for round in 0..<context.rounds {
      try context.step("round \(round + 1) of \(context.rounds)")
      let outcome = try runRound(context, &cost)
      engine.append(outcome.producer.microseconds(at: 99.9))
      control.append(outcome.control.microseconds(at: 99.9))
      medians.append(outcome.producer.microseconds(at: 50))
      longest = max(longest, outcome.producer.microseconds(at: 100))
    }
    return [
      BenchRow(
        "disk-stall",
        "disk still \(Int(stallSeconds * 1e3)) ms, p99.9",
        unit: "µs",
        better: .lower,
        values: engine,
        target: target,
        cost: cost,
        details: [
          BenchDetail("median append", Spread(medians).median, "µs"),
          BenchDetail("longest append", longest, "µs"),
        ]
      ).beside("a thread that reads the clock", Comparison(measured: engine, beside: control))
    ]
  }

  private func runRound(_ context: BenchContext, _ cost: inout BenchCost) throws -> (
    producer: Latencies, control: Latencies
  ) {
    let path = try context.emptyDirectory("disk-stall")
    defer { TemporaryDirectory.remove(path) }
    let stall = DiskStall()
    let store = try EngineStore.open(
      at: path,
      settings: EngineStoreSettings(memoryBudgetByteCount: memoryBudgetByteCount, stall: stall)
    )
    defer { try? store.close() }
    let queue = try store.queue(named: "bench")
    let payload = Payload.bytes(recordByteCount, seed: 1)
    let perStep = max(Int(bytesPerSecond / 1000) / recordByteCount, 1)
    // A while without a stall warms the queue up and tells the median.
    let calmSeconds = context.scale.seconds(1)
    let calm = try Self.stamps(perStep, seconds: calmSeconds, from: MonotonicClock.now) {
      _ = try unsafe queue.append(payload.span.bytes, level: .published)
    }
    let median = UInt64(calm.microseconds(at: 50) * 1e3)
    let span = context.scale.seconds(stallSeconds)
    let meter = CostMeter(queue)
    let (results, _) = try Workers.run(
      2,
      whileRunning: { stall.begin(seconds: span) },
      body: { index in
        let start = MonotonicClock.now
        if index == 0 {
          return try Self.stamps(perStep, seconds: span, from: start) {
            _ = try unsafe queue.append(payload.span.bytes, level: .published)
          }
        }
        return Self.stamps(perStep, seconds: span, from: start) {
          let end = MonotonicClock.now + median
          while MonotonicClock.now < end {}
        }
      }
    )
    let records = results[0].count
    cost.add(meter, records: records, byteCount: records * UInt64(recordByteCount))
    return (results[0], results[1])
  }

  /// Does `work` so many times a millisecond, and stamps each time.
  private static func stamps<Failure: Error>(
    _ perStep: Int,
    seconds: Double,
    from start: UInt64,
    work: () throws(Failure) -> Void
  ) throws(Failure) -> Latencies {
    var latencies = Latencies()
    var step = start
    let end = start + UInt64(seconds * 1e9)
    while step < end {
      MonotonicClock.sleep(until: step)
      for _ in 0..<perStep {
        let before = MonotonicClock.now
        try work()
        latencies.record(MonotonicClock.now - before)
      }
      step += 1_000_000
    }
    return latencies
  }
}
