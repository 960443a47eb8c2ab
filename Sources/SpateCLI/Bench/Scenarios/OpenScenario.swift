/// How long it takes to open a store whose owner was killed in the midst of writing.
struct OpenScenario: BenchScenario {
  var logByteCount: UInt64
  var target: BenchTarget? = .measured(atMost: 50)

  func byteCount(_ scale: BenchScale) -> UInt64 { scale.bytes(logByteCount) * 5 / 4 + 2 << 30 }

  func run(_ context: BenchContext) throws -> [BenchRow] {
    let path = try context.emptyDirectory("open")
    defer { TemporaryDirectory.remove(path) }
    var times: [Double] = []
    var records = 0.0
    var cost = BenchCost()
    let total = context.scale.bytes(logByteCount)
    for round in 0..<context.rounds {
      try context.step(
        "\(round == 0 ? "filling a log and killing" : "killing") its owner, round \(round + 1)"
      )
      try fillAndKill(path, byteCount: round == 0 ? total : min(total, 64 << 20))
      try context.checkInterruption()
      let meter = CostMeter()
      let start = MonotonicClock.now
      let store = try EngineStore.open(at: path)
      let queue = try store.queue(named: "bench")
      times.append(MonotonicClock.seconds(since: start) * 1e3)
      cost.add(meter, records: 0, byteCount: 0)
      records = Double(queue.durableSequence)
      try store.close()
    }
    return [
      BenchRow(
        "open",
        "\(ByteCount.short(total)) in the log",
        unit: "ms",
        better: .lower,
        values: times,
        target: target,
        cost: cost,
        details: [BenchDetail("recovered in the last round", records / 1e6, "M records")]
      )
    ]
  }

  private func fillAndKill(_ path: String, byteCount: UInt64) throws {
    let child = try OwnChild(arguments: ["bench-fill", path, "--byte-count", "\(byteCount)"])
    var output = ChildLines(child)
    guard output.next() == "filled" else {
      _ = child.kill()
      throw CommandFailure.failed(
        "the process that fills the log ended early; is there enough room? [\(path)]"
      )
    }
    // It goes on at full speed; this is somewhere in the midst of a write.
    MonotonicClock.sleep(seconds: 0.05)
    _ = child.kill()
  }
}
