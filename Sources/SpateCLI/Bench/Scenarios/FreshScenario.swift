/// Durable throughput on segments that were never used before and are prepared on the way.
///
/// A minute at full speed is more than a disk may hold, so the load goes on in a new store whenever one has grown to its
/// bound; each store begins without a prepared segment, and its beginning counts.
struct FreshScenario: BenchScenario {
  var load = Load()
  /// The measured time of all stores together.
  var totalSeconds = 60.0
  /// How far a store may grow.
  var storeByteCount: UInt64 = 20_000_000_000
  var target: BenchTarget? = .ratio(atLeast: 0.8)

  func byteCount(_ scale: BenchScale) -> UInt64 { scale.bytes(storeByteCount) * 5 / 4 + 1 << 30 }

  func run(_ context: BenchContext) throws -> [BenchRow] {
    let wanted = context.scale.seconds(totalSeconds)
    var total = 0.0
    var cost = BenchCost()
    var measured: [Double] = []
    let limit = { try context.limits.durableBandwidth(seconds: context.limitSeconds).bytesPerSecond }
    var limits = [try limit()]
    while total < wanted {
      try context.step("\(Int(total)) of \(Int(wanted)) s, store \(measured.count + 1)")
      let path = try context.emptyDirectory("fresh")
      defer { TemporaryDirectory.remove(path) }
      let store = try EngineStore.open(at: path)
      let queue = try store.queue(named: "bench")
      let meter = CostMeter(queue)
      let outcome = try load.run(
        on: queue,
        seconds: wanted - total,
        byteCountLimit: context.scale.bytes(storeByteCount)
      )
      cost.add(meter, records: outcome.records, byteCount: outcome.payloadByteCount)
      try store.close()
      total += outcome.seconds
      measured.append(outcome.bytesPerSecond)
      limits.append(try limit())
    }
    let comparison = Comparison(measured: measured, limits: limits)
    return [
      BenchRow(
        "fresh",
        "\(ByteCount.short(UInt64(load.recordByteCount))) × \(load.producers), new segments",
        unit: "GB/s",
        better: .higher,
        values: comparison.measured,
        scale: 1e-9,
        target: target,
        cost: cost,
        details: [BenchDetail("time", total, "s"), BenchDetail("stores", Double(measured.count), "")]
      ).beside("1 MiB O_DSYNC, 4 in flight", comparison, scale: 1e-9)
    ]
  }
}
