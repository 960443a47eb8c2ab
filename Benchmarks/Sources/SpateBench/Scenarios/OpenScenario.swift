/// How long it takes to open a store whose owner was killed in the midst of writing.
struct OpenScenario: Scenario {
  var logByteCount: UInt64
  var target: Target? = .measured(atMost: 50)

  func run(_ context: Context) throws -> [Row] {
    try context.scratch.requireFree(logByteCount * 5 / 4 + 4 << 30, for: "a log of \(logByteCount >> 20) MiB")
    let path = try context.scratch.emptyDirectory("open")
    defer { ScratchDirectory.remove(path) }
    var times: [Double] = []
    var records: [Double] = []
    var addition = logByteCount
    for round in 0..<context.rounds {
      try fillAndKill(path, byteCount: addition)
      addition = 64 << 20
      let start = nanosecondsNow()
      let store = try EngineStore.open(at: path)
      let queue = try store.queue(named: "bench")
      times.append(elapsedSeconds(from: start) * 1e3)
      records.append(Double(queue.durableSequence))
      try store.close()
      context.log("round \(round + 1): \(NumberFormat.general.text(times[round])) ms")
    }
    return [
      Row(
        scenario: "open",
        measure: "open after SIGKILL, \(logByteCount / 1_000_000_000) GB in the log",
        unit: "ms",
        measured: Spread(times),
        target: target,
        details: [Detail("recovered in the last round", (records.last ?? 0) / 1e6, "M records")]
      )
    ]
  }

  private func fillAndKill(_ path: String, byteCount: UInt64) throws {
    let child = try ChildProcess(arguments: ["child-fill", "--path", path, "--byte-count", "\(byteCount)"])
    guard child.readLine() == "filled" else {
      child.wait()
      throw BenchmarkError("the child that fills the log ended early")
    }
    // It goes on at full speed; this is somewhere in the midst of a write.
    pause(seconds: 0.05)
    child.kill()
  }
}
