import ArgumentParser

/// `spate bench-memory`: the process whose memory is measured. Prints four numbers: bytes before, at the peak and after, and
/// seconds.
struct BenchMemoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-memory",
    abstract: "The part of a benchmark whose memory is measured; started by it.",
    shouldDisplay: false
  )
  @Argument var path: String
  @Option var work: MemoryScenario.Work
  @Option var queueCount: Int
  @Option var seconds: Double
  /// The most that is written.
  @Option var byteCount: UInt64

  func run() throws {
    ProcessUsage.resetPeakResidentMemory()
    let before = ProcessUsage.residentMemory().current
    let start = MonotonicClock.now
    let store = try EngineStore.open(at: path)
    switch work {
    case .queues: try openQueues(store)
    case .load: try runLoad(store)
    }
    let time = MonotonicClock.seconds(since: start)
    let peak = ProcessUsage.residentMemory().peak
    MonotonicClock.sleep(seconds: min(1, seconds))
    var output = OutputBuffer()
    try output.append("\(before) \(peak) \(ProcessUsage.residentMemory().current) \(time)\n")
    try output.flush()
    try store.close()
  }

  private func openQueues(_ store: EngineStore) throws {
    let payload = Payload.bytes(100, seed: 1)
    let queues = try (0..<queueCount).map { try store.queue(named: "queue-\($0)") }
    let sequences = try queues.map { try unsafe $0.append(payload.span.bytes, level: .published) }
    for (queue, sequence) in zip(queues, sequences) { try queue.wait(for: sequence, level: .durable) }
  }

  private func runLoad(_ store: EngineStore) throws {
    let queue = try store.queue(named: "bench")
    let stop = StopFlag()
    let reader = try ResultThread {
      var cursor = try queue.cursor(from: .latest, following: .durable)
      var sum = EngineReading()
      while !stop.isSet { sum += try cursor.read(atMost: 4096, waitingSeconds: 0.01) }
      return sum.records
    }
    do {
      defer { stop.set() }
      _ = try Load().run(on: queue, seconds: seconds, byteCountLimit: byteCount)
    }
    _ = try reader.join()
  }
}

extension MemoryScenario.Work: ExpressibleByArgument {}
