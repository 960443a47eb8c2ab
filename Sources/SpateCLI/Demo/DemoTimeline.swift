/// Samples of the whole demo, about 240 of them. One thread.
struct DemoTimeline {
  private static let sampleCount: UInt64 = 240
  private static let minimalIntervalNanoseconds: UInt64 = 100_000_000

  private let plan: DemoPlan
  private let interval: UInt64
  private(set) var samples: [DemoSample] = []
  private var lastTime: UInt64 = 0
  private var lastAcknowledged: UInt64 = 0

  init(plan: DemoPlan) {
    self.plan = plan
    interval = max(Self.minimalIntervalNanoseconds, plan.end / Self.sampleCount)
  }

  /// When the next sample is to be taken, in nanoseconds from the start.
  var next: UInt64 { lastTime + interval }

  /// Takes a sample.
  mutating func take(at time: UInt64, from journal: DemoJournal, consumers: [DemoConsumer]) {
    guard time > lastTime else { return }
    let (recent, acknowledged) = journal.withState { state in
      defer { state.recent = LatencyCounts() }
      return (state.recent, state.acknowledgedCount)
    }
    let seconds = Double(time - lastTime) / 1e9
    samples.append(
      DemoSample(
        time: time,
        offeredRate: Double(plan.recordCount(by: time) - plan.recordCount(by: lastTime)) / seconds,
        durableRate: Double(acknowledged - lastAcknowledged) / seconds,
        p50: recent.totalCount > 0 ? recent.percentile(0.5) : nil,
        p99: recent.totalCount > 0 ? recent.percentile(0.99) : nil,
        lags: consumers.map(\.lag)
      )
    )
    lastTime = time
    lastAcknowledged = acknowledged
  }
}
