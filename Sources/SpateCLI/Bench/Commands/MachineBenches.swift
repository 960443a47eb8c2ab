import ArgumentParser

/// `spate bench limits`.
struct LimitsBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limits",
    abstract: "What this machine can do, without Spate."
  )
  @OptionGroup var options: BenchOptions

  func run() throws { try options.run("Limits", [LimitsScenario()]) }
}

/// `spate bench processor`.
struct ProcessorBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "processor",
    abstract: "Processor time of a store that is idle, or nearly so."
  )
  @Option(help: ArgumentHelp("How long each load lasts, over all rounds.", valueName: "seconds"))
  var totalSeconds = 10.0
  @OptionGroup var options: BenchOptions

  func run() throws { try options.run("Processor", [ProcessorScenario(idleSeconds: totalSeconds)]) }
}

/// `spate bench memory`.
struct MemoryBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "memory",
    abstract: "Resident memory at full speed, and with ten thousand queues."
  )
  @Option(help: ArgumentHelp("How many queues.", valueName: "count")) var queues = 10_000
  @OptionGroup var options: BenchOptions

  func run() throws { try options.run("Memory", [MemoryScenario(queueCount: queues)]) }
}

/// `spate bench targets`.
struct TargetsBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "targets",
    abstract: "Every measure that has a target, and whether it is met.",
    discussion:
      "Takes about ten minutes and up to 50 GB of disk for a while; --quick takes two and proves less."
  )
  @Option(
    help: ArgumentHelp(
      "Only measures whose name contains this; may be given several times.",
      valueName: "word"
    )
  )
  var only: [String] = []
  @OptionGroup var options: BenchOptions

  func run() throws {
    let all = BenchSuite.targets(options.scale)
    let chosen = all.filter { entry in only.isEmpty || only.contains { entry.name.contains($0) } }
    guard !chosen.isEmpty else {
      throw ValidationError(
        "No measure has such a name; there are: \(all.map(\.name).joined(separator: ", "))."
      )
    }
    let run = BenchRun(
      options: options,
      rounds: options.rounds ?? (options.quick ? 3 : 5),
      roundSeconds: options.seconds ?? (options.quick ? 0.5 : 2),
      expectedSeconds: nil
    )
    try run.run(chosen.map { BenchSection(title: $0.name, scenarios: [$0.scenario]) })
  }
}
