/// Producers that wait for each record to be durable, beside a loop of raw durable writes of 4 KiB.
struct ClosedLoopScenario: Scenario {
  var recordByteCount = 256
  var producers = 1
  var p50Target: Target?
  var p99Target: Target?
  var rateTarget: Target?

  func run(_ context: Context) throws -> [Row] {
    let bed = LoadBed(context, name: "closed-loop", retainedByteCount: 512 << 20)
    defer { try? bed.close() }
    var raw = (p50: [Double](), p99: [Double](), p999: [Double]())
    var engine = (p50: [Double](), p99: [Double](), p999: [Double]())
    let rates = try Comparison(rounds: context.rounds) {
      let (latencies, rate) = try context.limits.durableWriteLoop(seconds: context.roundSeconds)
      raw.p50.append(latencies.microseconds(at: 50))
      raw.p99.append(latencies.microseconds(at: 99))
      raw.p999.append(latencies.microseconds(at: 99.9))
      return rate
    } measure: { round in
      let (latencies, rate) = try bed.withQueue { try runLoop(on: $0, seconds: context.roundSeconds) }
      engine.p50.append(latencies.microseconds(at: 50))
      engine.p99.append(latencies.microseconds(at: 99))
      engine.p999.append(latencies.microseconds(at: 99.9))
      context.log("round \(round + 1): \(NumberFormat.general.text(rate)) records/s")
      return rate
    }
    let what = "closed loop, \(producers) producer\(producers == 1 ? "" : "s"), \(recordByteCount) B"
    func row(_ name: String, _ unit: String, _ comparison: Comparison, _ target: Target?) -> Row {
      Row(
        scenario: "closed-loop",
        measure: "\(what), \(name)",
        unit: unit,
        comparison: comparison,
        baselineName: "raw 4 KiB RWF_DSYNC",
        target: target
      )
    }
    return [
      row("p50", "µs", Comparison(measured: engine.p50, baselines: raw.p50), p50Target),
      row("p99", "µs", Comparison(measured: engine.p99, baselines: raw.p99), p99Target),
      row("p99.9", "µs", Comparison(measured: engine.p999, baselines: raw.p999), nil),
      row("rate", "records/s", rates, rateTarget),
    ]
  }

  private func runLoop(on queue: EngineQueue, seconds: Double) throws -> (latencies: Latencies, rate: Double)
  {
    let size = recordByteCount
    let length = UInt64(seconds * 1e9)
    let (results, start) = try Workers.run(producers) { index in
      let payload = Payload.bytes(size, seed: UInt64(index + 1))
      let bytes = unsafe payload.span.bytes
      var latencies = Latencies()
      var before = nanosecondsNow()
      let end = before + length
      while before < end {
        _ = try queue.append(bytes, level: .durable)
        let after = nanosecondsNow()
        latencies.record(after - before)
        before = after
      }
      return (latencies, before)
    }
    var all = Latencies()
    for result in results { all.add(result.0) }
    let end = results.map(\.1).max() ?? start
    return (all, Double(all.count) / elapsedSeconds(from: start, to: end))
  }
}
