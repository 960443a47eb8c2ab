import Spate

/// What a measure cost beside its time. Adds up over the rounds.
struct BenchCost: Sendable, Equatable {
  private(set) var recordCount: UInt64 = 0
  private(set) var payloadByteCount: UInt64 = 0
  private(set) var cpuSeconds = 0.0
  private(set) var deviceByteCount: UInt64?
  /// The most memory that was resident in any of the rounds.
  private(set) var peakMemoryByteCount: UInt64 = 0
  /// How often the durable mark moved; nil where nothing was appended.
  private(set) var commitCount: UInt64?
  private var committedCount: UInt64 = 0

  /// User and system time of the whole process, producers included, for 10^9 bytes of payload.
  var cpuSecondsPerGigabyte: Double? {
    payloadByteCount > 0 ? cpuSeconds / (Double(payloadByteCount) / 1e9) : nil
  }

  /// Bytes that this process had the kernel store, for each byte of payload that was appended.
  var deviceBytesPerPayloadByte: Double? {
    guard commitCount != nil, payloadByteCount > 0, let deviceByteCount else { return nil }
    return Double(deviceByteCount) / Double(payloadByteCount)
  }

  /// Records a commit.
  var meanBatch: Double? {
    commitCount.flatMap { $0 > 0 ? Double(committedCount) / Double($0) : nil }
  }

  /// Takes in what has happened since a meter began.
  mutating func add(_ meter: CostMeter, records: UInt64, byteCount: UInt64) {
    let usage = ProcessUsage.now()
    recordCount += records
    payloadByteCount += byteCount
    cpuSeconds += usage.cpuSeconds - meter.usage.cpuSeconds
    if let before = meter.usage.deviceByteCount, let after = usage.deviceByteCount {
      deviceByteCount = (deviceByteCount ?? 0) + (after - before)
    }
    peakMemoryByteCount = max(peakMemoryByteCount, UInt64(ProcessUsage.residentMemory().peak))
    guard !meter.queues.isEmpty else { return }
    let (commits, appended) = meter.commits()
    commitCount = (commitCount ?? 0) + (commits - meter.commitCount)
    committedCount += appended - meter.appendedCount
  }
}

/// The beginning of something whose cost is measured.
struct CostMeter {
  fileprivate let usage: ProcessUsage
  fileprivate let queues: [EngineQueue]
  fileprivate let commitCount: UInt64
  fileprivate let appendedCount: UInt64

  /// Begins; `queues` are those that are appended to.
  init(_ queues: EngineQueue...) { self.init(queues) }

  /// Begins; `queues` are those that are appended to.
  init(_ queues: [EngineQueue]) {
    self.queues = queues
    (commitCount, appendedCount) = Self.commits(of: queues)
    ProcessUsage.resetPeakResidentMemory()
    usage = ProcessUsage.now()
  }

  fileprivate func commits() -> (commits: UInt64, appended: UInt64) { Self.commits(of: queues) }

  private static func commits(of queues: [EngineQueue]) -> (commits: UInt64, appended: UInt64) {
    queues.reduce(into: (0, 0)) { sum, queue in
      let statistics = queue.statistics
      sum.0 += statistics.commitCount
      sum.1 += statistics.appendedCount
    }
  }
}
