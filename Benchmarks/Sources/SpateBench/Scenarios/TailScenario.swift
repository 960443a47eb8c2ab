/// What a cursor at the tail costs the writers beside it.
struct TailScenario: Scenario {
  var load = Load()
  var following = EngineLevel.durable
  var target: Target? = .ratio(atLeast: 0.85)

  func run(_ context: Context) throws -> [Row] {
    let bed = LoadBed(context, name: "tail")
    defer { try? bed.close() }
    var shares: [Double] = []
    let comparison = try Comparison(rounds: context.rounds) {
      try bed.withQueue { try load.run(on: $0, seconds: context.roundSeconds) }.bytesPerSecond
    } measure: { round in
      try bed.withQueue { queue in
        let stop = StopFlag()
        let level = following
        let ready = StopFlag()
        let reader = WorkerThread {
          // Set however this ends: the writers wait for it.
          defer { ready.set() }
          var cursor = try queue.cursor(from: .latest, following: level)
          ready.set()
          var sum = EngineReading()
          while !stop.isSet { sum += try cursor.read(atMost: 4096, waitingSeconds: 0.01) }
          return sum
        }
        while !ready.isSet { pause(seconds: 0.001) }
        let outcome: Load.Outcome
        do {
          defer { stop.set() }
          outcome = try load.run(on: queue, seconds: context.roundSeconds)
        }
        let read = try reader.join()
        shares.append(Double(read.records) / Double(max(outcome.records, 1)))
        context.log("round \(round + 1): \(NumberFormat.general.text(outcome.bytesPerSecond / 1e9)) GB/s")
        return outcome.bytesPerSecond
      }
    }
    return [
      Row(
        scenario: "tail",
        measure: "writer with a tail cursor, \(load.recordByteCount) B",
        unit: "GB/s",
        comparison: comparison,
        baselineName: "writer alone",
        scale: 1e-9,
        target: target,
        details: [
          Detail("read by the cursor, of what was appended meanwhile", Spread(shares).median * 100, "%")
        ]
      )
    ]
  }
}
