import Synchronization

/// How long a record takes from its append, or from being durable, to a waiting consumer, at a steady rate.
struct DeliveryScenario: Scenario {
  /// How the consumer waits, and what for.
  enum Follower: String, CaseIterable, Sendable {
    /// Looks again and again for what is published.
    case polling
    /// Sleeps until something is published.
    case parked
    /// Sleeps until something is durable; the producer waits for each record.
    case durable
    /// As `durable`, through a read-only opening of the store; the time from being durable counts.
    case readOnly = "read-only"
  }

  var recordsPerSecond = 10_000
  var recordByteCount = 64

  func run(_ context: Context) throws -> [Row] {
    try Follower.allCases.map { try row(of: $0, context) }
  }

  private func row(of follower: Follower, _ context: Context) throws -> Row {
    let path = try context.scratch.emptyDirectory("delivery-\(follower.rawValue)")
    defer { ScratchDirectory.remove(path) }
    let store = try EngineStore.open(at: path)
    defer { try? store.close() }
    let queue = try store.queue(
      named: "bench",
      settings: EngineQueueSettings(retainedByteCount: 256 << 20)
    )
    // A read-only opening finds the queue on the disk.
    _ = try queue.append(Payload.bytes(recordByteCount, seed: 1).span.bytes, level: .durable)
    var raw: [Double] = []
    var p50: [Double] = []
    var p99: [Double] = []
    raw.append(try rawSync(context))
    for round in 0..<max(context.rounds, 1) {
      let latencies = try self.latencies(of: follower, queue, path, seconds: context.roundSeconds)
      p50.append(latencies.microseconds(at: 50))
      p99.append(latencies.microseconds(at: 99))
      context.log("\(follower.rawValue), round \(round + 1): \(latencies.count) records")
      raw.append(try rawSync(context))
    }
    let isReadOnly = follower == .readOnly
    return Row(
      scenario: "delivery",
      measure: isReadOnly
        ? "durable to a read-only store's consumer, p99" : "append to consumer, \(follower.rawValue), p50",
      unit: "µs",
      comparison: Comparison(measured: isReadOnly ? p99 : p50, baselines: raw),
      baselineName: "raw 4 KiB RWF_DSYNC",
      target: target(of: follower),
      details: [Detail(isReadOnly ? "p50" : "p99", Spread(isReadOnly ? p50 : p99).median, "µs")]
    )
  }

  private func target(of follower: Follower) -> Target {
    switch follower {
    case .polling: .measured(atMost: 2)
    case .parked: .measured(atMost: 30)
    case .durable: .ratio(atMost: 1.3)
    case .readOnly: .measured(atMost: 1000)
    }
  }

  private func rawSync(_ context: Context) throws -> Double {
    try context.limits.durableWriteLoop(seconds: min(context.roundSeconds, 1)).0.microseconds(at: 50)
  }

  private func latencies(
    of follower: Follower,
    _ queue: EngineQueue,
    _ path: String,
    seconds: Double
  ) throws -> Latencies {
    let stop = StopFlag()
    let ready = StopFlag()
    let durableTimes = DurableTimes()
    let reader = WorkerThread {
      // Set however this ends: the producer waits for it.
      defer { ready.set() }
      let follows: EngineLevel = follower == .polling || follower == .parked ? .published : .durable
      var cursor =
        follower == .readOnly
        ? try EngineCursor.readOnly(at: path, queue: "bench")
        : try queue.cursor(from: .latest, following: follows)
      ready.set()
      var latencies = Latencies()
      while !stop.isSet {
        let wait = follower == .polling ? 0 : 0.01
        guard let (sequence, stamp) = try cursor.readStamp(waitingSeconds: wait) else { continue }
        let now = nanosecondsNow()
        guard follower == .readOnly else {
          latencies.record(now &- stamp)
          continue
        }
        // Seen before the producer was back from its wait: no time at all.
        let durable = durableTimes[sequence]
        latencies.record(durable == 0 ? 0 : now &- min(durable, now))
      }
      return latencies
    }
    while !ready.isSet { pause(seconds: 0.001) }
    do {
      defer { stop.set() }
      try produce(follower, queue, seconds: seconds, durableTimes)
      pause(seconds: 0.02)
    }
    return try reader.join()
  }

  private func produce(
    _ follower: Follower,
    _ queue: EngineQueue,
    seconds: Double,
    _ durableTimes: DurableTimes
  ) throws {
    var payload = Payload.bytes(recordByteCount, seed: 7)
    let level: EngineLevel = follower == .polling || follower == .parked ? .published : .durable
    let interval = UInt64(1_000_000_000 / recordsPerSecond)
    let start = nanosecondsNow()
    var due = start
    while due < start + UInt64(seconds * 1e9) {
      // Sleeping is too coarse for a tenth of a millisecond.
      while nanosecondsNow() < due {}
      let stamp = nanosecondsNow()
      unsafe payload.withUnsafeMutableBytes { unsafe $0.storeBytes(of: stamp, as: UInt64.self) }
      let sequence = try queue.append(payload.span.bytes, level: level)
      if level == .durable { durableTimes[sequence] = nanosecondsNow() }
      // A record that waits for the disk comes when the one before it is done: no backlog is measured.
      due = max(due + interval, level == .durable ? nanosecondsNow() : 0)
    }
  }
}

/// When the last records were durable, by sequence.
private final class DurableTimes: Sendable {
  private static let count = 1 << 16
  private let times: [AtomicTime] = (0..<DurableTimes.count).map { _ in AtomicTime() }

  private final class AtomicTime: Sendable {
    let value = Atomic<UInt64>(0)
  }

  subscript(_ sequence: UInt64) -> UInt64 {
    get { times[Int(sequence) & (Self.count - 1)].value.load(ordering: .acquiring) }
    set { times[Int(sequence) & (Self.count - 1)].value.store(newValue, ordering: .releasing) }
  }
}
