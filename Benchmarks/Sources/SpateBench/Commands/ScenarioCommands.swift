import ArgumentParser

struct LimitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limits",
    abstract: "What this machine can do, without the engine."
  )
  @OptionGroup var common: CommonOptions

  func run() throws { try common.run([LimitsScenario()], title: "limits") }
}

struct DurableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "durable",
    abstract: "Durable throughput, the ring as the window, segments used again."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Bytes of each record; may be given several times.") var recordByteCount: [Int] = [1024]
  @Option(help: "Producer threads.") var producers = 2
  @Option(help: "Records of each batch; 1 is one append at a time.") var batchCount = 1
  @Flag(help: "Counts payload and frame instead of the payload alone.") var countsFrames = false
  @Flag(help: "Appends one batch again and again instead of filling it anew.") var reusesBatch = false

  func run() throws {
    let scenarios = recordByteCount.map { size in
      DurableScenario(
        load: Load(
          recordByteCount: size,
          producers: producers,
          batchCount: batchCount,
          reusesBatch: reusesBatch
        ),
        countsFrames: countsFrames
      )
    }
    try common.run(scenarios, title: "durable")
  }
}

struct FreshCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fresh",
    abstract: "Durable throughput on segments that are prepared on the way."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Bytes of each record.") var recordByteCount = 1024
  @Option(help: "Producer threads.") var producers = 2
  @Option(help: "Seconds in all.") var totalSeconds = 60.0
  @Option(help: "Bytes after which a new store is taken.") var storeByteCount: UInt64 = 20_000_000_000

  func run() throws {
    try common.run(
      [
        FreshScenario(
          load: Load(recordByteCount: recordByteCount, producers: producers),
          totalSeconds: totalSeconds,
          storeByteCount: storeByteCount
        )
      ],
      title: "fresh"
    )
  }
}

struct PublishedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "published",
    abstract: "Nanoseconds of an append into the ring, beside the loop in C."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Bytes of each record, a multiple of 8.") var recordByteCount = 64
  @Option(help: "Producer threads.") var producers = 1
  @Option(help: "Bytes of the memory budget.") var memoryBudgetByteCount = 64 << 20

  func run() throws {
    try common.run(
      [
        PublishedScenario(
          recordByteCount: recordByteCount,
          producers: producers,
          memoryBudgetByteCount: memoryBudgetByteCount
        )
      ],
      title: "published"
    )
  }
}

struct ClosedLoopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "closed-loop",
    abstract: "Producers that wait for each record to be durable."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Bytes of each record.") var recordByteCount = 256
  @Option(help: "Producer threads; may be given several times.") var producers: [Int] = [1, 8]

  func run() throws {
    try common.run(
      producers.map { ClosedLoopScenario(recordByteCount: recordByteCount, producers: $0) },
      title: "closed-loop"
    )
  }
}

struct WrittenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "written",
    abstract: "Throughput of records that only the kernel must have."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Bytes of each record.") var recordByteCount = 1024
  @Option(help: "Producer threads.") var producers = 2

  func run() throws {
    let load = Load(recordByteCount: recordByteCount, producers: producers, finalLevel: .written)
    try common.run([WrittenScenario(load: load)], title: "written")
  }
}

struct TailCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tail",
    abstract: "What cursors at the tail cost the writers."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Bytes of each record.") var recordByteCount = 1024
  @Option(help: "Producer threads.") var producers = 2
  @Option(help: "Cursors; may be given several times.") var cursors: [Int] = [1, 8, 64]
  @Flag(help: "The cursors follow what is published instead of what is durable.") var published = false

  func run() throws {
    let scenarios = cursors.map { count in
      TailScenario(
        load: Load(recordByteCount: recordByteCount, producers: producers),
        following: published ? .published : .durable,
        cursorCount: count
      )
    }
    try common.run(scenarios, title: "tail")
  }
}

struct DeliveryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delivery",
    abstract: "How long a record takes to a waiting consumer at a steady rate."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Records a second.") var rate = 10_000
  @Option(help: "Bytes of each record, at least 8.") var recordByteCount = 64

  func run() throws {
    try common.run(
      [DeliveryScenario(recordsPerSecond: rate, recordByteCount: max(8, recordByteCount))],
      title: "delivery"
    )
  }
}

struct StalledCursorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stalled-cursor",
    abstract: "What a cursor that stands still costs the writers."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Seconds that the cursor stands still.") var stallSeconds = 60.0

  func run() throws {
    try common.run([StalledCursorScenario(stallSeconds: stallSeconds)], title: "stalled-cursor")
  }
}

struct ReadBackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "read-back",
    abstract: "Reading a log that is warm in the page cache."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Bytes of each record.") var recordByteCount = 1024
  @Option(help: "Bytes of the log.") var logByteCount: UInt64 = 2 << 30

  func run() throws {
    try common.run(
      [ReadBackScenario(recordByteCount: recordByteCount, logByteCount: logByteCount)],
      title: "read-back"
    )
  }
}

struct ManyQueuesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "many-queues",
    abstract: "One record in each of many queues, made durable together."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Queues.") var queueCount = 256

  func run() throws { try common.run([ManyQueuesScenario(queueCount: queueCount)], title: "many-queues") }
}

struct OpenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open",
    abstract: "Opening a store whose owner was killed while it wrote."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Bytes in the log; may be given several times.")
  var logByteCount: [UInt64] = [2_000_000_000, 20_000_000_000]

  func run() throws { try common.run(logByteCount.map { OpenScenario(logByteCount: $0) }, title: "open") }
}

struct ProcessorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "processor",
    abstract: "Processor time of a store that is idle, or nearly so."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Seconds of each load, over all rounds.") var totalSeconds = 10.0

  func run() throws { try common.run([ProcessorScenario(idleSeconds: totalSeconds)], title: "processor") }
}

struct MemoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "memory",
    abstract: "Resident memory at full speed, and with ten thousand queues."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Queues.") var queueCount = 10_000

  func run() throws { try common.run([MemoryScenario(queueCount: queueCount)], title: "memory") }
}

struct DiskStallCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disk-stall",
    abstract: "Append times while the disk stands still."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Seconds that the disk stands still.") var stallSeconds = 0.5

  func run() throws { try common.run([DiskStallScenario(stallSeconds: stallSeconds)], title: "disk-stall") }
}

struct AcknowledgeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "acknowledge",
    abstract: "What named cursors cost: acknowledging, its syncs, and opening many."
  )
  @OptionGroup var common: CommonOptions
  @Option(help: "Records to acknowledge.") var recordCount = 1_000_000
  @Option(help: "Named cursors to open.") var cursorCount = 1_000

  func run() throws {
    try common.run(
      [AcknowledgeScenario(recordCount: recordCount, cursorCount: cursorCount)],
      title: "acknowledge"
    )
  }
}
