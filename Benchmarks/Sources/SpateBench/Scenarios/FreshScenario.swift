/// Durable throughput on segments that were never used before and are prepared on the way.
///
/// A minute at full speed is more than a disk may hold, so the load goes on in a new store whenever one has grown to its
/// bound; each store begins without a prepared segment, and its beginning counts.
struct FreshScenario: Scenario {
  var load = Load()
  /// The measured time of all stores together.
  var totalSeconds = 60.0
  /// How far a store may grow.
  var storeByteCount: UInt64 = 20_000_000_000
  var target: Target? = .ratio(atLeast: 0.8)

  func run(_ context: Context) throws -> [Row] {
    let free = ScratchDirectory.freeByteCount(at: context.scratch.path)
    let bound = min(storeByteCount, free / 2)
    var measured: [Double] = []
    var baselines: [Double] = []
    var total = 0.0
    var cpu: [Double] = []
    let limit = { try context.limits.durableBandwidth(seconds: min(context.roundSeconds, 1)).bytesPerSecond }
    baselines.append(try limit())
    while total < totalSeconds {
      let path = try context.scratch.emptyDirectory("fresh")
      let store = try EngineStore.open(at: path)
      let queue = try store.queue(named: "bench")
      let outcome = try load.run(on: queue, seconds: totalSeconds - total, byteCountLimit: bound)
      try store.close()
      ScratchDirectory.remove(path)
      total += outcome.seconds
      measured.append(outcome.bytesPerSecond)
      cpu.append(outcome.cpuSecondsPerGigabyte)
      context.log("\(Int(total)) s: \(NumberFormat.general.text(outcome.bytesPerSecond / 1e9)) GB/s")
      baselines.append(try limit())
    }
    return [
      Row(
        scenario: "fresh",
        measure: "durable, \(load.recordByteCount) B, fresh segments, \(Int(total)) s in all",
        unit: "GB/s",
        comparison: Comparison(measured: measured, baselines: baselines),
        baselineName: "1 MiB O_DSYNC qd4",
        scale: 1e-9,
        target: target,
        details: [Detail("CPU", Spread(cpu).median, "s/GB"), Detail("stores", Double(measured.count), "")]
      )
    ]
  }
}
