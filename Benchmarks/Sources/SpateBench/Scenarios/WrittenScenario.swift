/// Records that only the kernel must have, through the page cache, beside the speed of memory.
struct WrittenScenario: Scenario {
  var load = Load(finalLevel: .written)
  var target: Target? = .ratio(atLeast: 0.45)

  func run(_ context: Context) throws -> [Row] {
    let settings = EngineStoreSettings(isBuffered: true, syncs: false)
    let bed = LoadBed(context, name: "written", storeSettings: settings)
    defer { try? bed.close() }
    var cpu: [Double] = []
    let comparison = try Comparison(rounds: context.rounds) {
      try context.limits.memoryCopyBandwidth(seconds: 0.5)
    } measure: { round in
      let outcome = try bed.withQueue { try load.run(on: $0, seconds: context.roundSeconds) }
      cpu.append(outcome.cpuSecondsPerGigabyte)
      context.log("round \(round + 1): \(NumberFormat.general.text(outcome.bytesPerSecond / 1e9)) GB/s")
      return outcome.bytesPerSecond
    }
    return [
      Row(
        scenario: "written",
        measure: "written only, \(load.recordByteCount) B, buffered",
        unit: "GB/s",
        comparison: comparison,
        baselineName: "memcpy",
        scale: 1e-9,
        target: target,
        details: [Detail("CPU", Spread(cpu).median, "s/GB")]
      )
    ]
  }
}
