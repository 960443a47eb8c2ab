import ArgumentParser

/// `spate bench tail`.
struct TailBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tail",
    abstract: "What cursors at the tail cost the writers."
  )
  @Option(help: ArgumentHelp("Bytes of each record.", valueName: "bytes")) var size = ByteCount(bytes: 1024)
  @Option(help: ArgumentHelp("Producer threads.", valueName: "count")) var producers = 2
  @Option(help: ArgumentHelp("Cursors; may be given several times.", valueName: "count"))
  var cursors: [Int] = [1, 8, 64]
  @Option(help: ArgumentHelp("The store's memory budget.", valueName: "bytes"))
  var memory = ByteCount(bytes: 64 << 20)
  @Flag(help: "The cursors follow what is published instead of what is durable.") var published = false
  @OptionGroup var options: BenchOptions

  func run() throws {
    let scenarios = cursors.map { count in
      TailScenario(
        load: Load(recordByteCount: Int(size.bytes), producers: producers),
        following: published ? .published : .durable,
        cursorCount: count,
        memoryBudgetByteCount: Int(clamping: memory.bytes)
      )
    }
    try options.run("Tail", scenarios)
  }
}

/// `spate bench delivery`.
struct DeliveryBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delivery",
    abstract: "How long a record takes to a waiting consumer at a steady rate.",
    discussion: "A published record counts from when it was due to be appended."
  )
  @Option(help: ArgumentHelp("Records a second.", valueName: "records")) var rate = 10_000
  @Option(help: ArgumentHelp("Bytes of each record, at least 8.", valueName: "bytes"))
  var size = ByteCount(bytes: 64)
  @OptionGroup var options: BenchOptions

  func validate() throws {
    guard (1...1_000_000).contains(rate), size.bytes >= 8 else {
      throw ValidationError("--rate takes 1 to 1000000, --size at least 8.")
    }
  }

  func run() throws {
    try options.run(
      "Delivery",
      [DeliveryScenario(recordsPerSecond: rate, recordByteCount: Int(size.bytes))]
    )
  }
}

/// `spate bench read-back`.
struct ReadBackBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "read-back",
    abstract: "Reading a log through the page cache, every checksum verified."
  )
  @Option(help: ArgumentHelp("Bytes of each record.", valueName: "bytes")) var size = ByteCount(bytes: 1024)
  @Option(help: ArgumentHelp("Bytes of the log.", valueName: "bytes")) var log = ByteCount(bytes: 2 << 30)
  @OptionGroup var options: BenchOptions

  func run() throws {
    let scenario = ReadBackScenario(recordByteCount: Int(size.bytes), logByteCount: log.bytes, target: nil)
    try options.run("Readers", [scenario])
  }
}

/// `spate bench stalled-cursor`.
struct StalledCursorBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stalled-cursor",
    abstract: "What a cursor that stands still costs the writers."
  )
  @Option(help: ArgumentHelp("How long the cursor stands still.", valueName: "seconds"))
  var stallSeconds = 60.0
  @OptionGroup var options: BenchOptions

  func run() throws { try options.run("Stalled cursor", [StalledCursorScenario(stallSeconds: stallSeconds)]) }
}

/// `spate bench cold-cursor`.
struct ColdCursorBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cold-cursor",
    abstract: "What a cursor that reads a large log costs producers and a tail cursor.",
    discussion: "The producers keep a rate; name one that leaves the disk bandwidth to spare."
  )
  @Option(help: ArgumentHelp("Bytes of the log.", valueName: "bytes")) var log = ByteCount(bytes: 4 << 30)
  @Option(help: ArgumentHelp("Bytes of payload that the producers append each second.", valueName: "bytes"))
  var rate = ByteCount(bytes: 200 << 20)
  @Option(help: ArgumentHelp("Bytes of each record, at least 8.", valueName: "bytes"))
  var size = ByteCount(bytes: 1024)
  @Option(help: ArgumentHelp("Producer threads.", valueName: "count")) var producers = 2
  @OptionGroup var options: BenchOptions

  func validate() throws {
    guard size.bytes >= 8, producers >= 1, rate.bytes >= 1 else {
      throw ValidationError("--size takes at least 8, --producers and --rate at least 1.")
    }
  }

  func run() throws {
    let load = PacedLoad(
      recordByteCount: Int(size.bytes),
      producers: producers,
      bytesPerSecond: Double(rate.bytes)
    )
    try options.run("Cold cursor", [ColdCursorScenario(load: load, logByteCount: log.bytes)])
  }
}

/// `spate bench open`.
struct OpenBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open",
    abstract: "Opening a store whose owner was killed while it wrote.",
    aliases: ["reopen"]
  )
  @Option(help: ArgumentHelp("Bytes in the log; may be given several times.", valueName: "bytes"))
  var log: [ByteCount] = [ByteCount(bytes: 2_000_000_000)]
  @OptionGroup var options: BenchOptions

  func run() throws {
    try options.run("Open after SIGKILL", log.map { OpenScenario(logByteCount: $0.bytes) })
  }
}

/// `spate bench acknowledge`.
struct AcknowledgeBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "acknowledge",
    abstract: "What named cursors cost: acknowledging, its syncs, and opening many."
  )
  @Option(help: ArgumentHelp("Records to acknowledge.", valueName: "count")) var records = 1_000_000
  @Option(help: ArgumentHelp("Named cursors to open.", valueName: "count")) var cursors = 1_000
  @OptionGroup var options: BenchOptions

  func run() throws {
    try options.run("Acknowledge", [AcknowledgeScenario(recordCount: records, cursorCount: cursors)])
  }
}
