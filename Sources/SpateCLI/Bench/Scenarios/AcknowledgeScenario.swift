/// What named cursors cost: acknowledging every record, the syncs of many acknowledgements, and opening many cursors.
struct AcknowledgeScenario: BenchScenario {
  var recordCount = 1_000_000
  var cursorCount = 1_000

  func byteCount(_ scale: BenchScale) -> UInt64 { 1 << 30 }

  func run(_ context: BenchContext) throws -> [BenchRow] {
    let count = context.scale.count(cursorCount)
    var nanoseconds: [Double] = []
    var syncs: [Double] = []
    var openings: [Double] = []
    var creations: [Double] = []
    var cost = BenchCost()
    for round in 0..<context.rounds {
      try context.step("round \(round + 1) of \(context.rounds)")
      let path = try context.emptyDirectory("acknowledge")
      defer { TemporaryDirectory.remove(path) }
      var store = try EngineStore.open(at: path)
      var queue = try store.queue(named: "bench")
      let records = try fill(queue, context)
      let meter = CostMeter()
      nanoseconds.append(try acknowledgeAll(queue, records))
      cost.add(meter, records: UInt64(records), byteCount: 0)
      syncs.append(try extraSyncs(store, queue, min(records, context.scale.count(200_000))))
      try context.step("opening \(count) cursors")
      creations.append(try open(count, on: queue))
      try store.close()
      store = try EngineStore.open(at: path)
      queue = try store.queue(named: "bench")
      openings.append(try open(count, on: queue))
      try store.close()
    }
    func row(_ measure: String, _ unit: String, _ values: [Double], atMost bound: Double) -> BenchRow {
      BenchRow(
        "acknowledge",
        measure,
        unit: unit,
        better: .lower,
        values: values,
        target: .measured(atMost: bound),
        cost: cost
      )
    }
    var opening = row("opening \(count) named cursors", "ms", openings, atMost: 50)
    opening.details = [
      BenchDetail("making them, without waiting for the disk", Spread(creations).median, "ms")
    ]
    return [
      row("acknowledging every record", "ns", nanoseconds, atMost: 50),
      row("at 100 k acknowledgements/s", "syncs/s", syncs, atMost: 11),
      opening,
    ]
  }

  /// Milliseconds for opening so many named cursors.
  private func open(_ count: Int, on queue: EngineQueue) throws -> Double {
    let start = MonotonicClock.now
    for number in 0..<count { try queue.makeCursor(named: "c\(number)") }
    return MonotonicClock.seconds(since: start) * 1e3
  }

  /// Returns how many records there are.
  private func fill(_ queue: EngineQueue, _ context: BenchContext) throws -> Int {
    let payload = [UInt8](repeating: 7, count: 64)
    let count = context.scale.count(recordCount)
    var last: UInt64 = 0
    for _ in 0..<count { last = try unsafe queue.append(payload.span.bytes, level: .published) }
    try queue.wait(for: last, level: .durable)
    return count
  }

  /// Nanoseconds of an acknowledgement.
  private func acknowledgeAll(_ queue: EngineQueue, _ count: Int) throws -> Double {
    let start = MonotonicClock.now
    try queue.acknowledge(0..<UInt64(count), named: "all", perSecond: nil)
    return MonotonicClock.seconds(since: start) * 1e9 / Double(count)
  }

  private func extraSyncs(_ store: EngineStore, _ queue: EngineQueue, _ count: Int) throws -> Double {
    let before = store.syncCount
    let start = MonotonicClock.now
    try queue.acknowledge(0..<UInt64(count), named: "paced", perSecond: 100_000)
    return Double(store.syncCount - before) / MonotonicClock.seconds(since: start)
  }
}
