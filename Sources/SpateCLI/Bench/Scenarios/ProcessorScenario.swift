/// The processor time of a store that has nothing, or little, to do.
struct ProcessorScenario: BenchScenario {
  var idleSeconds = 10.0
  var recordsPerSecond = 1000.0
  var recordByteCount = 256

  func run(_ context: BenchContext) throws -> [BenchRow] {
    let path = try context.emptyDirectory("processor")
    defer { TemporaryDirectory.remove(path) }
    let store = try EngineStore.open(at: path)
    defer { try? store.close() }
    let queue = try store.queue(named: "bench")
    _ = try unsafe queue.append(Payload.bytes(recordByteCount, seed: 1).span.bytes, level: .durable)
    try context.pause(seconds: context.scale.seconds(2))
    let share = context.scale.seconds(idleSeconds) / Double(context.rounds)
    let works: [(name: String, level: EngineLevel?, target: Double)] = [
      ("idle store", nil, 0.5), ("\(Int(recordsPerSecond)) records/s, each durable", .durable, 10),
      ("\(Int(recordsPerSecond)) records/s, published", .published, 10),
    ]
    var usages = [[Double]](repeating: [], count: works.count)
    var costs = [BenchCost](repeating: BenchCost(), count: works.count)
    for round in 0..<context.rounds {
      for (index, work) in works.enumerated() {
        try context.step("\(work.name), round \(round + 1) of \(context.rounds)")
        let meter = CostMeter(queue)
        let start = MonotonicClock.now
        let before = ProcessUsage.now().cpuSeconds
        var records: UInt64 = 0
        if let level = work.level {
          records = try runPaced(queue, seconds: share, level: level)
        } else {
          try context.pause(seconds: share)
        }
        let used = ProcessUsage.now().cpuSeconds - before
        usages[index].append(used / MonotonicClock.seconds(since: start) * 100)
        costs[index].add(meter, records: records, byteCount: records * UInt64(recordByteCount))
      }
    }
    return works.indices.map { index in
      BenchRow(
        "processor",
        works[index].name,
        unit: "% of a core",
        better: .lower,
        values: usages[index],
        target: .measured(atMost: works[index].target),
        cost: costs[index]
      )
    }
  }

  /// Returns how many records were appended, when all of them are durable: their commits belong to this work.
  private func runPaced(_ queue: EngineQueue, seconds: Double, level: EngineLevel) throws -> UInt64 {
    let payload = Payload.bytes(recordByteCount, seed: 1)
    let step = UInt64(1e9 / recordsPerSecond)
    var next = MonotonicClock.now
    let end = next + UInt64(seconds * 1e9)
    var records: UInt64 = 0
    var last: UInt64 = 0
    while next < end, !Interruption.isRequested {
      MonotonicClock.sleep(until: next)
      last = try unsafe queue.append(payload.span.bytes, level: level)
      next += step
      records += 1
    }
    if records > 0 { try queue.wait(for: last, level: .durable) }
    return records
  }
}
