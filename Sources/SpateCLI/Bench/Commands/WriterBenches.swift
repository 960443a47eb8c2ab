import ArgumentParser

/// `spate bench append`.
struct AppendBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "append",
    abstract: "Throughput of producers that append as fast as they can.",
    discussion: """
      At durable, payload over the time until the last record is durable, in segments that are used again, beside 1 MiB \
      O_DIRECT O_DSYNC writes, four in flight. At written, until the kernel has it, beside memcpy. At published, \
      nanoseconds of an append into the ring, in bursts that fill half of the memory budget, beside the same loop in C.
      """
  )
  @Option(help: ArgumentHelp("Bytes of each record; may be given several times.", valueName: "bytes"))
  var size: [ByteCount] = [ByteCount(bytes: 1024)]
  @Option(help: ArgumentHelp("Producer threads; may be given several times.", valueName: "count"))
  var producers: [Int] = [2]
  @Option(help: "What is waited for.")
  var level = RecordLevel.durable
  @Option(help: ArgumentHelp("Records of each batch; 1 is one append at a time.", valueName: "count"))
  var batch = 1
  @Flag(help: "Append one batch again and again instead of filling it anew.")
  var reuseBatch = false
  @Flag(help: "Count payload and frame instead of the payload alone.")
  var withFrames = false
  @OptionGroup var options: BenchOptions

  func validate() throws {
    guard size.allSatisfy({ (8...16 << 20).contains($0.bytes) }) else {
      throw ValidationError("--size takes 8 bytes to 16 MiB.")
    }
    guard producers.allSatisfy({ (1...64).contains($0) }) else {
      throw ValidationError("--producers takes 1 to 64.")
    }
    guard (1...100_000).contains(batch) else { throw ValidationError("--batch takes 1 to 100000.") }
    guard level != .published || (batch == 1 && !withFrames) else {
      throw ValidationError("--batch and --with-frames go with --level durable and written.")
    }
  }

  func run() throws {
    let cases = size.flatMap { size in
      producers.map { AppendScenario.Case(recordByteCount: Int(size.bytes), producers: $0) }
    }
    guard level != .published else {
      let scenarios = cases.map {
        PublishedScenario(recordByteCount: $0.recordByteCount, producers: $0.producers, target: nil)
      }
      return try options.run("Into the ring", scenarios)
    }
    let scenario = AppendScenario(
      level: level.level,
      cases: cases,
      batchCount: batch,
      reusesBatch: reuseBatch,
      countsFrames: withFrames
    )
    try options.run(level == .durable ? "Durable" : "Written, no sync", [scenario])
  }
}

/// `spate bench closed-loop`.
struct ClosedLoopBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "closed-loop",
    abstract: "Latency of producers that wait for each record, or a window of them, to be durable.",
    aliases: ["latency", "window"]
  )
  @Option(help: ArgumentHelp("Bytes of each record.", valueName: "bytes")) var size = ByteCount(bytes: 256)
  @Option(help: ArgumentHelp("Producer threads; may be given several times.", valueName: "count"))
  var producers: [Int] = [1, 8]
  @Option(help: ArgumentHelp("Records of each producer on the way to the disk, at most.", valueName: "count"))
  var window = 1
  @OptionGroup var options: BenchOptions

  func validate() throws {
    guard producers.allSatisfy({ (1...256).contains($0) }), (1...65536).contains(window) else {
      throw ValidationError("--producers takes 1 to 256, --window 1 to 65536.")
    }
  }

  func run() throws {
    let scenarios = producers.map {
      ClosedLoopScenario(recordByteCount: Int(size.bytes), producers: $0, window: window)
    }
    try options.run(window == 1 ? "One at a time" : "Windows of \(window)", scenarios)
  }
}

/// `spate bench spike`.
struct SpikeBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spike",
    abstract: "Latency before, in and after a step of the rate.",
    discussion:
      "Counts from when a record was due, so that what waits behind a slow one is counted with its wait."
  )
  @Option(help: ArgumentHelp("Bytes of each record.", valueName: "bytes")) var size = ByteCount(bytes: 256)
  @Option(help: ArgumentHelp("Records a second before and after.", valueName: "records")) var rate = 20_000.0
  @Option(help: ArgumentHelp("How many times that in the spike.", valueName: "number")) var factor = 20.0
  @Option(help: ArgumentHelp("How long the spike lasts.", valueName: "seconds")) var spikeSeconds = 10.0
  @OptionGroup var options: BenchOptions

  func validate() throws {
    guard (1...10_000_000).contains(rate), (1...1000).contains(factor), (0.1...600).contains(spikeSeconds)
    else {
      throw ValidationError("--rate takes 1 to 10000000, --factor 1 to 1000, --spike-seconds 0.1 to 600.")
    }
  }

  func run() throws {
    let scenario = SpikeScenario(
      recordByteCount: Int(size.bytes),
      recordsPerSecond: rate,
      factor: factor,
      spikeSeconds: options.scale.seconds(spikeSeconds)
    )
    try options.run("Spike", [scenario])
  }
}

/// `spate bench fresh`.
struct FreshBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fresh",
    abstract: "Durable throughput on segments that are prepared on the way."
  )
  @Option(help: ArgumentHelp("Bytes of each record.", valueName: "bytes")) var size = ByteCount(bytes: 1024)
  @Option(help: ArgumentHelp("Producer threads.", valueName: "count")) var producers = 2
  @Option(help: ArgumentHelp("How long in all.", valueName: "seconds")) var totalSeconds = 60.0
  @Option(help: ArgumentHelp("Bytes after which a new store is taken.", valueName: "bytes"))
  var storeSize = ByteCount(bytes: 20_000_000_000)
  @OptionGroup var options: BenchOptions

  func run() throws {
    let scenario = FreshScenario(
      load: Load(recordByteCount: Int(size.bytes), producers: producers),
      totalSeconds: totalSeconds,
      storeByteCount: storeSize.bytes
    )
    try options.run("Durable, new segments", [scenario])
  }
}

/// `spate bench many-queues`.
struct ManyQueuesBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "many-queues",
    abstract: "One record in each of many queues, made durable together."
  )
  @Option(help: ArgumentHelp("How many queues.", valueName: "count")) var queues = 256
  @OptionGroup var options: BenchOptions

  func run() throws { try options.run("Many queues", [ManyQueuesScenario(queueCount: max(1, queues))]) }
}

/// `spate bench disk-stall`.
struct DiskStallBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disk-stall",
    abstract: "Append times while the disk stands still.",
    discussion: """
      A control thread stamps spans as long as a median append, filled with readings of the clock: what the machine \
      takes from both, it takes from the control too.
      """
  )
  @Option(help: ArgumentHelp("How long the disk stands still.", valueName: "seconds")) var stallSeconds = 0.5
  @OptionGroup var options: BenchOptions

  func run() throws { try options.run("Disk stall", [DiskStallScenario(stallSeconds: stallSeconds)]) }
}
