/// Durable throughput beside the disk's limit: producers at full speed, the ring as the window, segments used again.
struct DurableScenario: Scenario {
  var load = Load()
  /// Counts payload and frame instead of the payload alone.
  var countsFrames = false
  var target: Target?
  /// The most CPU time for a GB of payload.
  var cpuTarget: Double?

  func run(_ context: Context) throws -> [Row] {
    let bed = LoadBed(context, name: "durable")
    defer { try? bed.close() }
    var outcomes: [Load.Outcome] = []
    let comparison = try Comparison(rounds: context.rounds) {
      try context.limits.durableBandwidth(seconds: min(context.roundSeconds, 1)).bytesPerSecond
    } measure: { round in
      let outcome = try bed.withQueue { try load.run(on: $0, seconds: context.roundSeconds) }
      outcomes.append(outcome)
      context.log("round \(round + 1): \(NumberFormat.general.text(outcome.bytesPerSecond / 1e9)) GB/s")
      return countsFrames
        ? outcome.framedBytesPerSecond(recordByteCount: load.recordByteCount) : outcome.bytesPerSecond
    }
    let how = load.batchCount == 1 ? "one at a time" : "batches of \(load.batchCount)"
    let what = "durable, \(load.recordByteCount) B, \(load.producers) producers, \(how)"
    var rows = [
      Row(
        scenario: "durable",
        measure: "\(what), recycled segments" + (countsFrames ? ", with frames" : ""),
        unit: "GB/s",
        comparison: comparison,
        baselineName: "1 MiB O_DSYNC qd4",
        scale: 1e-9,
        target: target,
        details: [
          Detail("records", Spread(outcomes.map { Double($0.records) / $0.seconds }).median / 1e6, "M/s"),
          Detail("payload", Spread(outcomes.map(\.bytesPerSecond)).median / 1e9, "GB/s"),
        ]
      )
    ]
    rows.append(
      Row(
        scenario: "durable",
        measure: "\(what), CPU",
        unit: "s/GB",
        measured: Spread(outcomes.map(\.cpuSecondsPerGigabyte)),
        target: cpuTarget.map { .measured(atMost: $0) }
      )
    )
    return rows
  }
}
