/// The processor time of a store that has nothing, or little, to do.
struct ProcessorScenario: Scenario {
  var idleSeconds = 10.0
  var recordsPerSecond = 1000.0
  var recordByteCount = 256

  func run(_ context: Context) throws -> [Row] {
    let path = try context.scratch.emptyDirectory("processor")
    defer { ScratchDirectory.remove(path) }
    let store = try EngineStore.open(at: path)
    defer { try? store.close() }
    let queue = try store.queue(named: "bench")
    _ = try unsafe queue.append(Payload.bytes(recordByteCount, seed: 1).span.bytes, level: .durable)
    pause(seconds: 2)
    var idle: [Double] = []
    var published: [Double] = []
    var durable: [Double] = []
    for round in 0..<context.rounds {
      let share = idleSeconds / Double(context.rounds)
      idle.append(usage { pause(seconds: share) })
      published.append(try usage { try runPaced(queue, seconds: share, level: .published) })
      durable.append(try usage { try runPaced(queue, seconds: share, level: .durable) })
      context.log("round \(round + 1): idle \(idle[round]) %, \(published[round]) %, \(durable[round]) %")
    }
    func row(_ measure: String, _ values: [Double], _ target: Target?) -> Row {
      Row(
        scenario: "processor",
        measure: measure,
        unit: "% of a core",
        measured: Spread(values),
        target: target
      )
    }
    let rate = Int(recordsPerSecond)
    return [
      row("idle store", idle, .measured(atMost: 0.5)),
      row("\(rate) records/s, each durable by itself, producer included", durable, .measured(atMost: 10)),
      row("\(rate) records/s, published only, producer included", published, .measured(atMost: 10)),
    ]
  }

  private func runPaced(_ queue: EngineQueue, seconds: Double, level: EngineLevel) throws {
    let payload = Payload.bytes(recordByteCount, seed: 1)
    let step = UInt64(1e9 / recordsPerSecond)
    var next = nanosecondsNow()
    let end = next + UInt64(seconds * 1e9)
    while next < end {
      pause(untilNanoseconds: next)
      _ = try unsafe queue.append(payload.span.bytes, level: level)
      next += step
    }
  }

  /// Per cent of a core that this process takes during `body`.
  private func usage(during body: () throws -> Void) rethrows -> Double {
    let start = nanosecondsNow()
    let before = ProcessUsage.now()
    try body()
    return (ProcessUsage.now().cpuSeconds - before.cpuSeconds) / elapsedSeconds(from: start) * 100
  }
}
