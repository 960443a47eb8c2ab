/// Producers that have a window of records on the way to the disk each, beside a loop of raw durable writes of 4 KiB. A
/// window of one is the closed loop: append, wait until it is durable, append the next.
struct ClosedLoopScenario: BenchScenario {
  var recordByteCount = 256
  var producers = 1
  var window = 1
  /// By percentile.
  var latencyTargets: [String: BenchTarget] = [:]
  var rateTarget: BenchTarget?

  func run(_ context: BenchContext) throws -> [BenchRow] {
    let bed = try LoadBed(context, name: "closed-loop", retainedByteCount: 256 << 20)
    defer { bed.close() }
    let what =
      window > 1 ? "\(producers) × window \(window)" : "\(producers) producer\(producers == 1 ? "" : "s")"
    var rounds = LatencyRounds()
    let rates = try rounds.measure(
      context,
      what: what,
      queue: bed.queue,
      recordByteCount: recordByteCount
    ) { try runLoop(on: bed.queue, seconds: context.roundSeconds) }
    let curves = rounds.curves(what)
    if !context.curves.contains(where: { $0.name == curves.raw.name }) { context.curves.append(curves.raw) }
    context.curves.append(curves.engine)
    let name = window > 1 ? "window" : "closed-loop"
    return rounds.rows(name, what, targets: latencyTargets) + [
      BenchRow(
        name,
        "\(what), rate",
        unit: "k/s",
        better: .higher,
        values: rates.measured,
        scale: 1e-3,
        target: rateTarget,
        cost: rounds.cost
      ).beside("raw 4 KiB synced writes", rates, scale: 1e-3)
    ]
  }

  private func runLoop(on queue: EngineQueue, seconds: Double) throws -> (latencies: Latencies, rate: Double)
  {
    let size = recordByteCount
    let window = window
    let length = UInt64(seconds * 1e9)
    let (results, start) = try Workers.run(producers) { index in
      let payload = Payload.bytes(size, seed: UInt64(index + 1))
      let bytes = unsafe payload.span.bytes
      var sender = WindowSender(queue: queue, window: window)
      let end = MonotonicClock.now + length
      while MonotonicClock.now < end, !Interruption.isRequested { try sender.send(bytes) }
      try sender.finish()
      return (sender.latencies, MonotonicClock.now)
    }
    var all = Latencies()
    for result in results { all.add(result.0) }
    let end = results.map(\.1).max() ?? start
    return (all, Double(all.count) / MonotonicClock.seconds(since: start, until: end))
  }
}

/// Appends with a bounded number of records on the way, and counts how long each takes until it is durable.
private struct WindowSender {
  private let queue: EngineQueue
  private var begun: [UInt64]
  private var sequences: [UInt64]
  private var sent = 0
  private var acknowledged = 0
  private(set) var latencies = Latencies()

  init(queue: EngineQueue, window: Int) {
    self.queue = queue
    begun = [UInt64](repeating: 0, count: window)
    sequences = begun
  }

  /// Appends a record; waits for the oldest one first when the window is full.
  mutating func send(_ bytes: RawSpan) throws {
    if sent - acknowledged == begun.count { try acknowledge() }
    let now = MonotonicClock.now
    guard begun.count > 1 else {
      _ = try queue.append(bytes, level: .durable)
      latencies.record(MonotonicClock.now - now)
      return
    }
    begun[sent % begun.count] = now
    sequences[sent % begun.count] = try queue.append(bytes, level: .published)
    sent += 1
  }

  /// Waits for all.
  mutating func finish() throws {
    while acknowledged < sent { try acknowledge() }
  }

  private mutating func acknowledge() throws {
    try queue.wait(for: sequences[acknowledged % begun.count], level: .durable)
    latencies.record(MonotonicClock.now - begun[acknowledged % begun.count])
    acknowledged += 1
  }
}
