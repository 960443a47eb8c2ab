import ArgumentParser
import Glibc

/// The part of the child that is killed: fills a log, says so, and goes on.
struct ChildFillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "child-fill", shouldDisplay: false)
  @Option var path: String
  @Option var byteCount: UInt64

  func run() throws {
    let store = try EngineStore.open(at: path)
    let queue = try store.queue(named: "bench")
    _ = try Load().run(on: queue, seconds: 3600, byteCountLimit: byteCount)
    ChildOutput.say("filled")
    // Bounded, should the parent be gone.
    _ = try Load().run(on: queue, seconds: 10, byteCountLimit: 8 << 30)
  }
}

/// The part of the child whose memory is measured. Prints four numbers: bytes before, at the peak and after, and seconds.
struct ChildMemoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "child-memory", shouldDisplay: false)
  @Option var path: String
  @Option var work: String
  @Option var queueCount: Int
  @Option var seconds: Double

  func run() throws {
    ProcessUsage.resetPeakResidentMemory()
    let before = ProcessUsage.residentMemory().current
    let start = nanosecondsNow()
    let store = try EngineStore.open(at: path)
    if work == MemoryScenario.Work.queues.rawValue { try openQueues(store) } else { try runLoad(store) }
    let time = elapsedSeconds(from: start)
    let peak = ProcessUsage.residentMemory().peak
    pause(seconds: 1)
    ChildOutput.say("\(before) \(peak) \(ProcessUsage.residentMemory().current) \(time)")
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
    let reader = WorkerThread {
      var cursor = try queue.cursor(from: .latest, following: .durable)
      var sum = EngineReading()
      while !stop.isSet { sum += try cursor.read(atMost: 4096, waitingSeconds: 0.01) }
      return sum.records
    }
    do {
      defer { stop.set() }
      _ = try Load().run(on: queue, seconds: seconds, byteCountLimit: 16 << 30)
    }
    _ = try reader.join()
  }
}

/// What a child tells its parent.
enum ChildOutput {
  /// Writes a line at once.
  static func say(_ line: String) {
    let text = Array((line + "\n").utf8)
    _ = unsafe write(STDOUT_FILENO, text, text.count)
  }
}
