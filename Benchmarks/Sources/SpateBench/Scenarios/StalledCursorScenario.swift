/// What a cursor that stands still with a record in its hands costs the writers: two stores in turn, one of them with
/// such a cursor for the whole time.
struct StalledCursorScenario: Scenario {
  var load = Load()
  /// How long the cursor stands still.
  var stallSeconds = 60.0
  /// What each store gets in a round.
  var roundByteCount: UInt64 = 1 << 30
  /// How far apart the rounds are.
  var intervalSeconds = 4.0
  var target: Target? = .ratio(atLeast: 0.95)

  func run(_ context: Context) throws -> [Row] {
    let rounds = max(Int(stallSeconds / intervalSeconds), 1)
    try context.scratch.requireFree(roundByteCount * UInt64(rounds + 2) * 2, for: "a stalled cursor")
    var stores: [EngineStore] = []
    var queues: [EngineQueue] = []
    for name in ["free", "stalled"] {
      let path = try context.scratch.emptyDirectory("stalled-cursor-\(name)")
      stores.append(try EngineStore.open(at: path))
      queues.append(
        try stores[stores.count - 1].queue(
          named: "bench",
          settings: EngineQueueSettings(retainedByteCount: 2 << 30)
        )
      )
      _ = try load.run(on: queues[queues.count - 1], seconds: 60, byteCountLimit: roundByteCount)
    }
    defer {
      for store in stores { try? store.close() }
      for name in ["free", "stalled"] {
        ScratchDirectory.remove(context.scratch.path("stalled-cursor-\(name)"))
      }
    }
    let (free, stalled) = (queues[0], queues[1])
    let stop = StopFlag()
    let reader = WorkerThread {
      var cursor = try stalled.cursor(from: .latest, following: .durable)
      try cursor.holdOne { while !stop.isSet { pause(seconds: 0.05) } }
    }
    defer { stop.set() }
    let start = nanosecondsNow()
    let comparison = try Comparison(rounds: rounds) {
      try load.run(on: free, seconds: 60, byteCountLimit: roundByteCount).bytesPerSecond
    } measure: { round in
      let rate = try load.run(on: stalled, seconds: 60, byteCountLimit: roundByteCount).bytesPerSecond
      pause(untilNanoseconds: start + UInt64(Double(round + 1) * intervalSeconds * 1e9))
      return rate
    }
    let stood = elapsedSeconds(from: start)
    stop.set()
    try reader.join()
    return [
      Row(
        scenario: "stalled-cursor",
        measure: "writer with a cursor that stands still for \(Int(stood)) s",
        unit: "GB/s",
        comparison: comparison,
        baselineName: "writer alone",
        scale: 1e-9,
        target: target
      )
    ]
  }
}
