import Synchronization

/// How long a record takes from its append, or from being durable, to a waiting consumer, at a steady rate.
struct DeliveryScenario: BenchScenario {
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
  var followers = Follower.allCases

  func run(_ context: BenchContext) throws -> [BenchRow] {
    try followers.map { try row(of: $0, context) }
  }

  private func row(of follower: Follower, _ context: BenchContext) throws -> BenchRow {
    let path = try context.emptyDirectory("delivery-\(follower.rawValue)")
    defer { TemporaryDirectory.remove(path) }
    let store = try EngineStore.open(at: path)
    defer { try? store.close() }
    let queue = try store.queue(
      named: "bench",
      settings: EngineQueueSettings(retainedByteCount: 256 << 20)
    )
    // A read-only opening finds the queue on the disk.
    _ = try unsafe queue.append(Payload.bytes(recordByteCount, seed: 1).span.bytes, level: .durable)
    var p50: [Double] = []
    var p99: [Double] = []
    var cost = BenchCost()
    let isReadOnly = follower == .readOnly
    let comparison = try Comparison(rounds: context.rounds) {
      try context.limits.durableWriteLoop(seconds: context.limitSeconds).latencies.microseconds(at: 50)
    } measure: { round in
      try context.step("\(follower.rawValue), round \(round + 1) of \(context.rounds)")
      let meter = CostMeter(queue)
      let latencies = try self.latencies(of: follower, queue, path, seconds: context.roundSeconds)
      cost.add(meter, records: latencies.count, byteCount: latencies.count * UInt64(recordByteCount))
      p50.append(latencies.microseconds(at: 50))
      p99.append(latencies.microseconds(at: 99))
      return isReadOnly ? p99[round] : p50[round]
    }
    return BenchRow(
      "delivery",
      isReadOnly ? "durable to read-only, p99" : "to a consumer, \(follower.rawValue), p50",
      unit: "µs",
      better: .lower,
      values: comparison.measured,
      target: target(of: follower),
      cost: cost,
      details: [BenchDetail(isReadOnly ? "p50" : "p99", Spread(isReadOnly ? p50 : p99).median, "µs")]
    ).beside("raw 4 KiB synced writes", comparison)
  }

  private func target(of follower: Follower) -> BenchTarget {
    switch follower {
    case .polling: .measured(atMost: 2)
    case .parked: .measured(atMost: 30)
    case .durable: .ratio(atMost: 1.3)
    case .readOnly: .measured(atMost: 1000)
    }
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
    let reader = try ResultThread {
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
        let now = MonotonicClock.now
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
    while !ready.isSet { MonotonicClock.sleep(seconds: 0.001) }
    do {
      defer { stop.set() }
      try produce(follower, queue, seconds: seconds, durableTimes)
      MonotonicClock.sleep(seconds: 0.02)
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
    let start = MonotonicClock.now
    var due = start
    while due < start + UInt64(seconds * 1e9), !Interruption.isRequested {
      // Sleeping is too coarse for a tenth of a millisecond.
      while MonotonicClock.now < due {}
      // A published record counts from when it was due: a late producer makes late records.
      let stamp = level == .published ? due : MonotonicClock.now
      unsafe payload.withUnsafeMutableBytes { unsafe $0.storeBytes(of: stamp, as: UInt64.self) }
      let sequence = try unsafe queue.append(payload.span.bytes, level: level)
      if level == .durable { durableTimes[sequence] = MonotonicClock.now }
      // A record that waits for the disk comes when the one before it is done: no backlog is measured.
      due = max(due + interval, level == .durable ? MonotonicClock.now : 0)
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
