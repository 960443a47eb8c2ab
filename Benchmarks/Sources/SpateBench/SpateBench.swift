import ArgumentParser

/// The benchmark program: one subcommand a scenario, and `targets` for all of them.
@main
struct SpateBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spate-bench",
    abstract: "Measures Spate beside the limits of this machine.",
    discussion: """
      Each measure is taken in rounds that alternate with its limit, so that a disk or a machine whose speed drifts \
      changes both; the ratio counts, and of several rounds the median.
      """,
    subcommands: [
      TargetsCommand.self, LimitsCommand.self, DurableCommand.self, FreshCommand.self, PublishedCommand.self,
      ClosedLoopCommand.self, WrittenCommand.self, TailCommand.self, DeliveryCommand.self,
      StalledCursorCommand.self,
      ReadBackCommand.self, ManyQueuesCommand.self, OpenCommand.self, ProcessorCommand.self,
      MemoryCommand.self, AcknowledgeCommand.self,
      DiskStallCommand.self, ChildFillCommand.self, ChildMemoryCommand.self,
    ]
  )
}
