import ArgumentParser

/// `spate bench`.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure Spate beside the limits of this machine.",
    discussion: """
      Takes a little over a minute. The limits come first: what the disk and the memory do without Spate. Each measure is then \
      taken in rounds that alternate with its limit, so that a disk or a machine whose speed drifts changes both; the \
      ratio counts, of several rounds the median, with the least and the greatest behind it. A mark tells whether a \
      target is met.

      With each row: processor seconds for 10^9 bytes of payload, the most memory that was resident, bytes that the \
      kernel was given to store for each byte of payload, how many commits there were, and records in each of them.

      Without the name of a scenario all of them run; a scenario by its name takes parameters of its own, which \
      `spate help bench SCENARIO` lists.

      Example:
        spate bench /var/lib/app --plot bench.svg
        spate bench append --size 1024 --producers 2 --level durable --seconds 5
      """,
    subcommands: [
      SuiteBench.self,
      AppendBench.self, ClosedLoopBench.self, SpikeBench.self, TailBench.self, DeliveryBench.self,
      ReadBackBench.self, ManyQueuesBench.self, OpenBench.self, FreshBench.self, StalledCursorBench.self,
      ColdCursorBench.self, DiskStallBench.self, AcknowledgeBench.self, ProcessorBench.self, MemoryBench.self,
      LimitsBench.self,
      TargetsBench.self,
    ],
    defaultSubcommand: SuiteBench.self
  )
}

/// `spate bench all`, which is what `spate bench` does.
struct SuiteBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "all",
    abstract: "The limits, then every part of Spate beside them."
  )
  @OptionGroup var options: BenchOptions

  func run() throws {
    var run = BenchRun(
      options: options,
      rounds: options.rounds ?? 3,
      roundSeconds: options.seconds ?? (options.quick ? 0.1 : 0.3),
      expectedSeconds: options.rounds == nil && options.seconds == nil ? (options.quick ? 20 : 60) : nil
    )
    run.showsDetails = false
    try run.run(BenchSuite.sections(options.scale))
  }
}
