/// A record in each of many queues, made durable together, beside a write and a sync for each of as many files.
struct ManyQueuesScenario: Scenario {
  var queueCount = 256
  var recordByteCount = 100
  var target: Target? = .ratio(atMost: 0.25)

  func run(_ context: Context) throws -> [Row] {
    let path = try context.scratch.emptyDirectory("many-queues")
    defer { ScratchDirectory.remove(path) }
    let store = try EngineStore.open(at: path)
    defer { try? store.close() }
    let queues = try (0..<queueCount).map { try store.queue(named: "queue-\($0)") }
    for _ in 0..<5 { _ = try commit(queues) }
    let comparison = try Comparison(rounds: context.rounds) {
      Spread(try context.limits.manyFiles(UInt32(queueCount), repeats: 5)).median
    } measure: { round in
      let time = Spread(try (0..<20).map { _ in try commit(queues) }).median
      context.log("round \(round + 1): \(NumberFormat.general.text(time * 1e3)) ms")
      return time
    }
    return [
      Row(
        scenario: "many-queues",
        measure: "\(queueCount) queues, one \(recordByteCount) B record each, durable",
        unit: "ms",
        comparison: comparison,
        baselineName: "write + fdatasync in turn",
        scale: 1e3,
        target: target
      )
    ]
  }

  /// Seconds from the first append until the last record is durable.
  private func commit(_ queues: [EngineQueue]) throws -> Double {
    let payload = Payload.bytes(recordByteCount, seed: 1)
    let start = nanosecondsNow()
    let sequences = try queues.map { try unsafe $0.append(payload.span.bytes, level: .published) }
    for (queue, sequence) in zip(queues, sequences) { try queue.wait(for: sequence, level: .durable) }
    return elapsedSeconds(from: start)
  }
}
