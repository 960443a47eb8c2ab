/// What a cursor that stands still with a record in its hands costs the writers: two stores in turn, one of them with
/// such a cursor for the whole time.
struct StalledCursorScenario: BenchScenario {
  var load = Load()
  /// How long the cursor stands still.
  var stallSeconds = 60.0
  /// What each store gets in a round.
  var roundByteCount: UInt64 = 1 << 30
  /// How far apart the rounds are.
  var intervalSeconds = 4.0
  var target: BenchTarget? = .ratio(atLeast: 0.95)

  func byteCount(_ scale: BenchScale) -> UInt64 { scale.bytes(roundByteCount) * 6 + 2 << 30 }

  func run(_ context: BenchContext) throws -> [BenchRow] {
    let seconds = context.scale.seconds(stallSeconds)
    let rounds = max(Int(seconds / intervalSeconds), 1)
    let byteCount = context.scale.bytes(roundByteCount)
    let beds = try ["free", "stalled"].map { name in
      try LoadBed(context, name: "stalled-cursor-\(name)", retainedByteCount: roundByteCount)
    }
    defer { for bed in beds { bed.close() } }
    let (free, stalled) = (beds[0].queue, beds[1].queue)
    let stop = StopFlag()
    let reader = try ResultThread {
      var cursor = try stalled.cursor(from: .latest, following: .durable)
      try cursor.holdOne { while !stop.isSet { MonotonicClock.sleep(seconds: 0.05) } }
    }
    defer { stop.set() }
    var cost = BenchCost()
    let start = MonotonicClock.now
    let comparison = try Comparison(rounds: rounds) {
      try load.run(on: free, seconds: 60, byteCountLimit: byteCount).bytesPerSecond
    } measure: { round in
      try context.step("round \(round + 1) of \(rounds)")
      let meter = CostMeter(stalled)
      let outcome = try load.run(on: stalled, seconds: 60, byteCountLimit: byteCount)
      cost.add(meter, records: outcome.records, byteCount: outcome.payloadByteCount)
      let left = min(Double(round + 1) * intervalSeconds, seconds) - MonotonicClock.seconds(since: start)
      if left > 0 { try context.pause(seconds: left) }
      return outcome.bytesPerSecond
    }
    let stood = MonotonicClock.seconds(since: start)
    stop.set()
    try reader.join()
    return [
      BenchRow(
        "stalled-cursor",
        "writer, a cursor stands still",
        unit: "GB/s",
        better: .higher,
        values: comparison.measured,
        scale: 1e-9,
        target: target,
        cost: cost,
        details: [BenchDetail("stood still", stood, "s")]
      ).beside("the writer alone", comparison, scale: 1e-9)
    ]
  }
}
