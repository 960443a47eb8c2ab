/// What named cursors cost: acknowledging every record, the syncs of many acknowledgements, and opening many cursors.
struct AcknowledgeScenario: Scenario {
  var recordCount = 1_000_000
  var cursorCount = 1_000

  func run(_ context: Context) throws -> [Row] {
    var nanoseconds: [Double] = []
    var syncs: [Double] = []
    var openings: [Double] = []
    var creations: [Double] = []
    for round in 0..<context.rounds {
      let path = try context.scratch.emptyDirectory("acknowledge")
      defer { ScratchDirectory.remove(path) }
      var store = try EngineStore.open(at: path)
      var queue = try store.queue(named: "bench")
      try fill(queue)
      let start = nanosecondsNow()
      nanoseconds.append(try acknowledgeAll(queue))
      context.log("round \(round + 1): \(elapsedSeconds(from: start)) s")
      syncs.append(try extraSyncs(store, queue))
      let created = nanosecondsNow()
      for number in 0..<cursorCount { try queue.makeCursor(named: "c\(number)") }
      creations.append(elapsedSeconds(from: created) * 1e3)
      try store.close()
      store = try EngineStore.open(at: path)
      queue = try store.queue(named: "bench")
      let opened = nanosecondsNow()
      for number in 0..<cursorCount { try queue.makeCursor(named: "c\(number)") }
      openings.append(elapsedSeconds(from: opened) * 1e3)
      try store.close()
    }
    return [
      Row(
        scenario: "acknowledge",
        measure: "acknowledging every record",
        unit: "ns",
        measured: Spread(nanoseconds),
        target: .measured(atMost: 50)
      ),
      Row(
        scenario: "acknowledge",
        measure: "syncs a second for 100,000 acknowledgements a second on an idle queue",
        unit: "syncs/s",
        measured: Spread(syncs),
        target: .measured(atMost: 11)
      ),
      Row(
        scenario: "acknowledge",
        measure: "opening \(cursorCount) named cursors",
        unit: "ms",
        measured: Spread(openings),
        target: .measured(atMost: 50),
        details: [Detail("making them, without waiting for the disk", Spread(creations).median, "ms")]
      ),
    ]
  }

  private func fill(_ queue: EngineQueue) throws {
    let payload = [UInt8](repeating: 7, count: 64)
    var last: UInt64 = 0
    for _ in 0..<recordCount { last = try unsafe queue.append(payload.span.bytes, level: .published) }
    try queue.wait(for: last, level: .durable)
  }

  /// Nanoseconds of an acknowledgement, while a producer commits beside it.
  private func acknowledgeAll(_ queue: EngineQueue) throws -> Double {
    let start = nanosecondsNow()
    try queue.acknowledge(0..<UInt64(recordCount), named: "all", perSecond: nil)
    return elapsedSeconds(from: start) * 1e9 / Double(recordCount)
  }

  private func extraSyncs(_ store: EngineStore, _ queue: EngineQueue) throws -> Double {
    let before = store.syncCount
    let start = nanosecondsNow()
    try queue.acknowledge(0..<200_000, named: "paced", perSecond: 100_000)
    return Double(store.syncCount - before) / elapsedSeconds(from: start)
  }
}
