import Synchronization

/// What became of the records of a rate step, tick by tick.
final class SpikeRecord: Sendable {
  /// The records of a millisecond.
  struct Tick: Sendable {
    var due: UInt64
    /// The sequence of the last of them.
    var sequence: UInt64
    var count: UInt64
    /// When all were durable.
    var durable: UInt64 = 0
  }

  private let ticks: Mutex<[Tick]>

  /// Room for so many ticks.
  init(ticks count: Int) {
    var ticks: [Tick] = []
    ticks.reserveCapacity(count)
    self.ticks = Mutex(ticks)
  }

  /// Waits for the records of each tick until there are no more.
  func gather(_ appended: Handover<Tick>, on queue: EngineQueue) throws {
    while true {
      let next = appended.takeAll()
      guard !next.isEmpty else { return }
      for var tick in next {
        try queue.wait(for: tick.sequence, level: .durable)
        tick.durable = MonotonicClock.now
        ticks.withLock { $0.append(tick) }
      }
    }
  }

  /// All records.
  var recordCount: UInt64 { ticks.withLock { $0.reduce(0) { $0 + $1.count } } }

  /// Of the records that were due in some seconds from the start.
  func latencies(from start: UInt64, seconds: Range<Double>) -> Latencies {
    var latencies = Latencies()
    for tick in all where seconds.contains(Double(tick.due - start) / 1e9) {
      latencies.record(tick.durable - tick.due, count: tick.count)
    }
    return latencies
  }

  /// The whole time in so many pieces.
  func samples(from start: UInt64, count: Int) -> [SpikeSample] {
    let ticks = all
    let end = (ticks.map(\.due).max() ?? start) + 1_000_000
    let piece = max(Double(end - start) / 1e9 / Double(count), 1e-3)
    func number(_ time: UInt64) -> Int { Int(Double(time - start) / 1e9 / piece) }
    var due = [Latencies?](repeating: nil, count: count)
    var offered = [Double](repeating: 0, count: count)
    var durable = offered
    for tick in ticks {
      let place = min(number(tick.due), count - 1)
      due[place] = due[place] ?? Latencies()
      due[place]?.record(tick.durable - tick.due, count: tick.count)
      offered[place] += Double(tick.count) / piece
      if number(tick.durable) < count { durable[number(tick.durable)] += Double(tick.count) / piece }
    }
    return (0..<count).map { place in
      SpikeSample(
        seconds: (Double(place) + 0.5) * piece,
        offeredPerSecond: offered[place],
        durablePerSecond: durable[place],
        p50: due[place]?.microseconds(at: 50),
        p99: due[place]?.microseconds(at: 99)
      )
    }
  }

  private var all: [Tick] { ticks.withLock { $0 } }
}
