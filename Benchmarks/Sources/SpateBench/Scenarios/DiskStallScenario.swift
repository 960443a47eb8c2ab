/// How long appends take while the disk stands still, beside a thread that only reads the clock.
///
/// The producer offers 100 MB/s in millisecond steps and stamps each append. The control thread keeps the same steps and
/// stamps as many spans, each filled with readings of the clock for as long as a median append takes: what the machine
/// takes from both, by other threads and by its host, it takes from the control too.
struct DiskStallScenario: Scenario {
  var recordByteCount = 1024
  var bytesPerSecond = 100e6
  var stallSeconds = 0.5
  var memoryBudgetByteCount = 64 << 20
  var target: Target? = .ratio(atMost: 2)

  func run(_ context: Context) throws -> [Row] {
    var engine: [Double] = []
    var control: [Double] = []
    var medians: [Double] = []
    var longest = 0.0
    for round in 0..<context.rounds {
      let outcome = try runRound(context)
      engine.append(outcome.producer.microseconds(at: 99.9))
      control.append(outcome.control.microseconds(at: 99.9))
      medians.append(outcome.producer.microseconds(at: 50))
      longest = max(longest, outcome.producer.microseconds(at: 100))
      context.log("round \(round + 1): \(engine[round]) µs, control \(control[round]) µs")
    }
    // The control ran beside the producer: each round has its own.
    var row = Row(
      scenario: "disk-stall",
      measure: "append while the disk stands still for \(Int(stallSeconds * 1e3)) ms, p99.9",
      unit: "µs",
      measured: Spread(engine),
      details: [
        Detail("median append", Spread(medians).median, "µs"), Detail("longest append", longest, "µs"),
      ]
    )
    let ratio = Spread(zip(engine, control).map { $0 / $1 })
    row.baselineName = "control thread"
    row.baseline = Spread(control)
    row.ratio = ratio
    row.target = target
    row.reached = target?.isReached(by: ratio.median)
    return [row]
  }

  private func runRound(_ context: Context) throws -> (producer: Latencies, control: Latencies) {
    let path = try context.scratch.emptyDirectory("disk-stall")
    defer { ScratchDirectory.remove(path) }
    let stall = DiskStall()
    let store = try EngineStore.open(
      at: path,
      settings: EngineStoreSettings(memoryBudgetByteCount: memoryBudgetByteCount, stall: stall)
    )
    defer { try? store.close() }
    let queue = try store.queue(named: "bench")
    let payload = Payload.bytes(recordByteCount, seed: 1)
    let perStep = max(Int(bytesPerSecond / 1000) / recordByteCount, 1)
    // A second without a stall warms the queue up and tells the median.
    let calm = try Self.stamps(perStep, seconds: 1, from: nanosecondsNow()) {
      _ = try unsafe queue.append(payload.span.bytes, level: .published)
    }
    let median = UInt64(calm.microseconds(at: 50) * 1e3)
    let span = stallSeconds
    let (results, _) = try Workers.run(
      2,
      whileRunning: { stall.begin(seconds: span) },
      body: { index in
        let start = nanosecondsNow()
        if index == 0 {
          return try Self.stamps(perStep, seconds: span, from: start) {
            _ = try unsafe queue.append(payload.span.bytes, level: .published)
          }
        }
        return Self.stamps(perStep, seconds: span, from: start) {
          let end = nanosecondsNow() + median
          while nanosecondsNow() < end {}
        }
      }
    )
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
      pause(untilNanoseconds: step)
      for _ in 0..<perStep {
        let before = nanosecondsNow()
        try work()
        latencies.record(nanosecondsNow() - before)
      }
      step += 1_000_000
    }
    return latencies
  }
}
