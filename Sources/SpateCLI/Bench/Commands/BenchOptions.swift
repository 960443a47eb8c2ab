import ArgumentParser

/// Where and how a benchmark runs, and what it prints.
struct BenchOptions: ParsableArguments {
  @Argument(
    help: "A directory on the disk to measure; what is made in it is removed. (default: TMPDIR, or /var/tmp)",
    completion: .directory
  )
  var directory: String?

  @Flag(help: "Shorter and smaller: for a first look, not for a verdict.")
  var quick = false

  @Option(help: ArgumentHelp("How often each measure is taken, in turn with its limit.", valueName: "count"))
  var rounds: Int?

  @Option(help: ArgumentHelp("How long each of these rounds lasts.", valueName: "seconds"))
  var seconds: Double?

  @Option(
    help: ArgumentHelp(
      "Draw throughput by size, latency percentiles and the spike over time, as SVG.",
      valueName: "file"
    ),
    completion: .file(extensions: ["svg"])
  )
  var plot: String?

  @Flag(help: "Begin at once, without touching memory and disk, which a virtual machine needs.")
  var cold = false

  @Flag(help: .hidden)
  var tiny = false

  @OptionGroup var facts: FactsOptions

  /// How much the run may write and hold.
  var scale: BenchScale { tiny ? .tiny : quick ? .quick : .full }

  func validate() throws {
    guard (1...1000).contains(rounds ?? 1) else { throw ValidationError("--rounds takes 1 to 1000.") }
    guard (0.001...3600).contains(seconds ?? 1) else {
      throw ValidationError("--seconds takes 0.001 to 3600.")
    }
  }

  /// Runs one scenario after the other under one heading, and prints what they find.
  func run(_ title: String, _ scenarios: [any BenchScenario]) throws {
    let run = BenchRun(
      options: self,
      rounds: rounds ?? (quick ? 3 : 5),
      roundSeconds: seconds ?? (quick ? 0.5 : 2),
      expectedSeconds: nil
    )
    try run.run([BenchSection(title: title, scenarios: scenarios)])
  }
}
