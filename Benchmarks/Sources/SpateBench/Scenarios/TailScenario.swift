/// What cursors at the tail cost the writers beside them, and how much they read.
struct TailScenario: Scenario {
  var load = Load()
  var following = EngineLevel.durable
  var cursorCount = 1

  /// Writers lose at most 15 % beside one cursor, 30 % beside eight.
  private var target: Target? {
    switch cursorCount {
    case 1: .ratio(atLeast: 0.85)
    case ...8: .ratio(atLeast: 0.70)
    default: nil
    }
  }

  func run(_ context: Context) throws -> [Row] {
    let bed = LoadBed(context, name: "tail")
    defer { try? bed.close() }
    var shares: [Double] = []
    var bandwidths: [Double] = []
    let comparison = try Comparison(rounds: context.rounds) {
      try bed.withQueue { try load.run(on: $0, seconds: context.roundSeconds) }.bytesPerSecond
    } measure: { round in
      try bed.withQueue { queue in
        let stop = StopFlag()
        let level = following
        let readers = (0..<cursorCount).map { _ in
          let ready = StopFlag()
          let reader = WorkerThread {
            // Set however this ends: the writers wait for it.
            defer { ready.set() }
            var cursor = try queue.cursor(from: .latest, following: level)
            ready.set()
            var sum = EngineReading()
            while !stop.isSet { sum += try cursor.readOrCatchUp(atMost: 4096, waitingSeconds: 0.01) }
            return sum
          }
          while !ready.isSet { pause(seconds: 0.001) }
          return reader
        }
        let outcome: Load.Outcome
        do {
          defer { stop.set() }
          outcome = try load.run(on: queue, seconds: context.roundSeconds)
        }
        let read = try readers.reduce(into: EngineReading()) { $0 += try $1.join() }
        shares.append(Double(read.records) / Double(cursorCount) / Double(max(outcome.records, 1)))
        bandwidths.append(Double(read.records) * Double(load.recordByteCount) / outcome.seconds / 1e9)
        context.log("round \(round + 1): \(NumberFormat.general.text(outcome.bytesPerSecond / 1e9)) GB/s")
        return outcome.bytesPerSecond
      }
    }
    return [
      Row(
        scenario: "tail",
        measure:
          "writers with \(cursorCount) tail cursor\(cursorCount == 1 ? "" : "s"), \(load.recordByteCount) B",
        unit: "GB/s",
        comparison: comparison,
        baselineName: "writers alone",
        scale: 1e-9,
        target: target,
        details: [
          Detail("read by each cursor, of what was appended meanwhile", Spread(shares).median * 100, "%"),
          Detail("read by all cursors", Spread(bandwidths).median, "GB/s"),
        ]
      )
    ]
  }
}
