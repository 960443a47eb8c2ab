/// What a cursor far behind, which reads a large log from the disk, costs producers and a tail cursor that leave the disk
/// some bandwidth to spare.
///
/// Rounds with and without it take turns until it has read the log once, so none of it comes from the page cache where
/// the log was written past that.
struct ColdCursorScenario: BenchScenario {
  var load = PacedLoad()
  var logByteCount: UInt64 = 4 << 30
  var memoryBudgetByteCount = 64 << 20

  func byteCount(_ scale: BenchScale) -> UInt64 {
    scale.bytes(logByteCount) * UInt64(load.recordByteCount + 40) / UInt64(load.recordByteCount) * 5 / 4 + 8
      << 30
  }

  /// What one round came to.
  private struct Round {
    var load: PacedLoad.Outcome
    var tailBytesPerSecond: Double
    var delivery: Latencies
  }

  /// The rounds with the cold cursor and those without, which stand around them.
  private struct Rounds {
    var beside: [Round] = []
    var alone: [Round] = []
    var coldBytesPerSecond: [Double] = []
    var cost = BenchCost()

    func comparison(_ value: (Round) -> Double) -> Comparison {
      Comparison(measured: beside.map(value), limits: alone.map(value))
    }
  }

  func run(_ context: BenchContext) throws -> [BenchRow] {
    let memoryBefore = ProcessUsage.residentMemory().current
    let path = try context.emptyDirectory("cold-cursor")
    defer { TemporaryDirectory.remove(path) }
    let byteCount = context.scale.bytes(logByteCount)
    try context.step("writing a log of \(ByteCount.text(byteCount))")
    let settings = EngineStoreSettings(memoryBudgetByteCount: memoryBudgetByteCount)
    do {
      let store = try EngineStore.open(at: path, settings: settings)
      defer { try? store.close() }
      let queue = try store.queue(named: "bench")
      _ = try Load(recordByteCount: load.recordByteCount).run(
        on: queue,
        seconds: 3600,
        byteCountLimit: byteCount
      )
    }
    try context.checkInterruption()
    let store = try EngineStore.open(at: path, settings: settings)
    defer { try? store.close() }
    let queue = try store.queue(named: "bench")
    let readBefore = ProcessUsage.deviceReadByteCount
    let rounds = try measure(queue, byteCount: byteCount * 9 / 10, context)
    let readAfter = ProcessUsage.deviceReadByteCount
    let fromDisk = Double((readAfter ?? 0) - min(readAfter ?? 0, readBefore ?? 0)) / 1e9
    return rows(rounds, memoryBefore: memoryBefore, fromDisk: fromDisk)
  }

  private func measure(_ queue: EngineQueue, byteCount: UInt64, _ context: BenchContext) throws -> Rounds {
    var rounds = Rounds()
    let cold = try ColdReader(queue, byteCount: byteCount)
    do {
      // The first one warms up.
      _ = try round(queue, seconds: context.roundSeconds / 2)
      rounds.alone.append(try round(queue, seconds: context.roundSeconds))
      while !cold.hasEnded {
        try context.step("\(ByteCount.text(cold.byteCount)) of \(ByteCount.text(byteCount)) read")
        let meter = CostMeter(queue)
        let before = cold.byteCount
        let beside = try cold.whileReading { try round(queue, seconds: context.roundSeconds) }
        let read = cold.byteCount - before
        rounds.cost.add(meter, records: beside.load.records, byteCount: beside.load.payloadByteCount)
        // A round in which it came to its end is no whole one.
        if cold.hasEnded, !rounds.beside.isEmpty { break }
        rounds.coldBytesPerSecond.append(Double(read) / beside.load.seconds)
        rounds.beside.append(beside)
        rounds.alone.append(try round(queue, seconds: context.roundSeconds))
      }
    } catch {
      try? cold.end()
      throw error
    }
    try cold.end()
    return rounds
  }

  /// Producers and a tail cursor for a while.
  private func round(_ queue: EngineQueue, seconds: Double) throws -> Round {
    let stop = StopFlag()
    let ready = StopFlag()
    let tail = try ResultThread {
      defer { ready.set() }
      var cursor = try queue.cursor(from: .latest, following: .durable)
      ready.set()
      var delivery = Latencies()
      var end = MonotonicClock.now
      while true {
        guard let (_, stamp) = try cursor.readStamp(waitingSeconds: 0.01) else {
          if stop.isSet { break }
          continue
        }
        end = MonotonicClock.now
        delivery.record(end - min(end, stamp))
      }
      return (delivery, end)
    }
    while !ready.isSet { MonotonicClock.sleep(seconds: 0.001) }
    let start = MonotonicClock.now
    let outcome: PacedLoad.Outcome
    do {
      defer { stop.set() }
      outcome = try load.run(on: queue, seconds: seconds)
    }
    let (delivery, end) = try tail.join()
    let byteCount = Double(delivery.count) * Double(load.recordByteCount)
    return Round(
      load: outcome,
      tailBytesPerSecond: byteCount / MonotonicClock.seconds(since: start, until: max(end, start + 1)),
      delivery: delivery
    )
  }

  private func rows(_ rounds: Rounds, memoryBefore: Int, fromDisk: Double) -> [BenchRow] {
    let beside = "without it"
    func row(
      _ name: String,
      _ unit: String,
      _ scale: Double,
      _ better: BenchRow.Better,
      _ target: BenchTarget?,
      _ details: [BenchDetail] = [],
      _ value: (Round) -> Double
    ) -> BenchRow {
      let comparison = rounds.comparison(value)
      return BenchRow(
        "cold-cursor",
        name,
        unit: unit,
        better: better,
        values: comparison.measured,
        scale: scale,
        target: target,
        details: details
      ).beside(beside, comparison, scale: scale)
    }
    let producers = row(
      "producers beside a cold cursor",
      "GB/s",
      1e-9,
      .higher,
      .ratio(atLeast: 0.9),
      [
        BenchDetail("read by the cold cursor", Spread(rounds.coldBytesPerSecond).median / 1e9, "GB/s"),
        BenchDetail("read from the disk in all", fromDisk, "GB"),
      ]
    ) { $0.load.bytesPerSecond }
    var all = [
      producers,
      row("a tail cursor beside it", "GB/s", 1e-9, .higher, .ratio(atLeast: 0.9)) { $0.tailBytesPerSecond },
      row("due to durable at the tail, p50", "µs", 1, .lower, nil) { $0.delivery.microseconds(at: 50) },
      row("due to durable at the tail, p99", "µs", 1, .lower, nil) { $0.delivery.microseconds(at: 99) },
      memoryRow(rounds, before: memoryBefore),
    ]
    for index in all.indices { all[index].cost = rounds.cost }
    return all
  }

  /// The budget is for what the store holds; the threads, its tables and the windows of the cursors come on top.
  private func memoryRow(_ rounds: Rounds, before: Int) -> BenchRow {
    let peak = Double(rounds.cost.peakMemoryByteCount) - Double(before)
    let budget = Double(memoryBudgetByteCount)
    let comparison = Comparison(measured: [peak], beside: [budget])
    return BenchRow(
      "cold-cursor",
      "peak resident memory beside it",
      unit: "MiB",
      better: .lower,
      values: [peak],
      scale: 1 / Double(1 << 20),
      target: .ratio(atMost: (budget + Double(16 << 20)) / budget)
    ).beside("the budget", comparison, scale: 1 / Double(1 << 20))
  }
}
