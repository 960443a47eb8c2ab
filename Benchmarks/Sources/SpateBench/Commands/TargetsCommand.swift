import ArgumentParser

/// Every measure that has a target, in one run.
struct TargetsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "targets",
    abstract: "Every measure that has a target, and whether it is reached.",
    discussion:
      "Takes about ten minutes and up to 50 GB of disk for a while; --quick takes two and proves less."
  )
  @OptionGroup var common: CommonOptions
  @Flag(help: "Shorter loads and smaller logs: for a first look, not for a verdict.") var quick = false
  @Option(help: "Only scenarios whose name contains this word; may be given several times.") var only:
    [String] = []

  func run() throws {
    let all = Self.scenarios(quick: quick)
    let chosen = all.filter { entry in only.isEmpty || only.contains { entry.name.contains($0) } }
    guard !chosen.isEmpty else {
      throw ValidationError(
        "No scenario has such a name; there are: \(all.map(\.name).joined(separator: ", "))."
      )
    }
    try common.run(chosen.map(\.scenario), title: quick ? "targets, quick" : "targets")
  }

  /// The scenarios with their targets, in the order of the table.
  static func scenarios(quick: Bool) -> [(name: String, scenario: any Scenario)] {
    [
      ("durable-1024", DurableScenario(target: .ratio(atLeast: 1.2), cpuTarget: 0.30)),
      (
        "fresh", FreshScenario(totalSeconds: quick ? 6 : 60, storeByteCount: quick ? 4 << 30 : 20_000_000_000)
      ),
      (
        "durable-64",
        DurableScenario(load: Load(recordByteCount: 64), countsFrames: true, target: .ratio(atLeast: 0.7))
      ),
      (
        "durable-64-batch",
        DurableScenario(
          load: Load(recordByteCount: 64, batchCount: 64),
          countsFrames: true,
          target: .ratio(atLeast: 1.1)
        )
      ),
      ("published", PublishedScenario()),
      (
        "closed-loop-1",
        ClosedLoopScenario(producers: 1, p50Target: .ratio(atMost: 1.15), p99Target: .ratio(atMost: 1.5))
      ),
      ("closed-loop-8", ClosedLoopScenario(producers: 8, rateTarget: .ratio(atLeast: 3.5))),
      ("written", WrittenScenario()),
      ("tail", TailScenario()),
      ("tail-8", TailScenario(cursorCount: 8)),
      ("tail-64", TailScenario(cursorCount: 64)),
      ("delivery", DeliveryScenario()),
      ("stalled-cursor", StalledCursorScenario(stallSeconds: quick ? 8 : 60)),
      ("read-back", ReadBackScenario(logByteCount: quick ? 512 << 20 : 2 << 30)),
      ("many-queues", ManyQueuesScenario()),
      ("open-2", OpenScenario(logByteCount: 2_000_000_000)),
      ("open-20", OpenScenario(logByteCount: quick ? 4_000_000_000 : 20_000_000_000)),
      ("processor", ProcessorScenario(idleSeconds: quick ? 3 : 10)),
      ("memory", MemoryScenario(queueCount: quick ? 1000 : 10_000)),
      ("disk-stall", DiskStallScenario()),
    ]
  }
}
