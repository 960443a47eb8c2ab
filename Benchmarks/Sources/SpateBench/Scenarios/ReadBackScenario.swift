/// Reading a log from its beginning, warm in the page cache, with every checksum verified, beside the speed of memory.
struct ReadBackScenario: Scenario {
  var recordByteCount = 1024
  var logByteCount: UInt64 = 2 << 30
  var target: Target? = .ratio(atLeast: 0.5)

  func run(_ context: Context) throws -> [Row] {
    try context.scratch.requireFree(logByteCount * 2, for: "a log to read back")
    let path = try context.scratch.emptyDirectory("read-back")
    defer { ScratchDirectory.remove(path) }
    let written = try write(path)
    let store = try EngineStore.open(at: path)
    defer { try? store.close() }
    let queue = try store.queue(named: "bench")
    context.log("warming")
    _ = try readAll(queue, expecting: written)
    let comparison = try Comparison(rounds: context.rounds) {
      try context.limits.memoryCopyBandwidth(seconds: 0.5)
    } measure: { round in
      let rate = try readAll(queue, expecting: written)
      context.log("round \(round + 1): \(NumberFormat.general.text(rate / 1e9)) GB/s")
      return rate
    }
    return [
      Row(
        scenario: "read-back",
        measure: "read back, \(recordByteCount) B, warm, CRC checked",
        unit: "GB/s",
        comparison: comparison,
        baselineName: "memcpy",
        scale: 1e-9,
        target: target,
        details: [
          Detail("records", Spread(comparison.measured).median / Double(recordByteCount) / 1e6, "M/s")
        ]
      )
    ]
  }

  private func write(_ path: String) throws -> UInt64 {
    let store = try EngineStore.open(at: path)
    let queue = try store.queue(named: "bench")
    let outcome = try Load(recordByteCount: recordByteCount).run(
      on: queue,
      seconds: 600,
      byteCountLimit: logByteCount
    )
    try store.close()
    return outcome.records
  }

  /// Payload bytes a second of one cursor over all records.
  private func readAll(_ queue: EngineQueue, expecting records: UInt64) throws -> Double {
    let start = nanosecondsNow()
    var cursor = try queue.cursor(from: .earliest, following: .durable)
    var sum = EngineReading()
    while UInt64(sum.records) < records {
      let reading = try cursor.read(atMost: 65_536, waitingSeconds: 1)
      if reading.records == 0 {
        throw BenchmarkError("the cursor ended after \(sum.records) of \(records) records")
      }
      sum += reading
    }
    return Double(sum.byteCount) / elapsedSeconds(from: start)
  }
}
