import ArgumentParser
import Glibc
import Spate

/// `spate demo-producer`: the process that the demo kills. Owns the store and appends what the plan says.
///
/// Standard output is the pipe to the demo; standard input gives the time at which the plan began.
struct DemoProducerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo-producer",
    abstract: "The part of the demo that appends; started by it.",
    shouldDisplay: false
  )

  @Option var store: String
  @Option var queue: String
  @Option var seconds: Double
  @Option var rate: Double
  @Option var input: String?
  /// The number of each producer's first record.
  @Option(parsing: .upToNextOption) var next: [UInt64]

  func validate() throws {
    guard next.count == DemoPlan.producerCount else {
      throw ValidationError("--next takes a number for each of \(DemoPlan.producerCount) producers.")
    }
  }

  func run() throws {
    let plan = DemoPlan(seconds: seconds, calmRate: rate)
    let channel = DemoChannel(descriptor: STDOUT_FILENO)
    Pipe.enlarge(STDOUT_FILENO)
    let records = try DemoRecords(input: input)
    let begun = MonotonicClock.now
    let store = try Store.open(at: store)
    let queue = try store.queue(named: queue)
    channel.send([.opened(nanoseconds: MonotonicClock.now - begun, durableSequence: queue.durableSequence)])
    guard let start = readStart() else { return try store.close() }
    let flight = DemoFlight(queue: queue, channel: channel)
    let acknowledger = try WorkerThread { flight.acknowledge() }
    let producers = try next.enumerated().map { producer, number in
      try WorkerThread {
        flight.run {
          let producer = DemoProducer(
            producer: UInt64(producer),
            plan: plan,
            start: start,
            records: records,
            flight: flight
          )
          try producer.run(from: number)
        }
      }
    }
    var reporter = DemoReporter(store: store, queue: queue)
    while flight.producersLeft > 0 {
      MonotonicClock.sleep(until: MonotonicClock.now + 100_000_000)
      channel.send([.statistics(reporter.next())])
    }
    for producer in producers { producer.join() }
    flight.close()
    acknowledger.join()
    channel.send([.statistics(reporter.next())])
    if let failure = flight.failure { throw failure }
    try store.close()
  }

  /// When the plan began, as monotonic ns; nil when the demo is gone.
  private func readStart() -> UInt64? {
    var word: UInt64 = 0
    while true {
      let count = unsafe read(STDIN_FILENO, &word, MemoryLayout<UInt64>.size)
      if count < 0, errno == EINTR { continue }
      return count == MemoryLayout<UInt64>.size ? word : nil
    }
  }
}
