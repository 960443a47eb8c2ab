import ArgumentParser

/// Options that every scenario takes.
struct CommonOptions: ParsableArguments {
  @Option(help: "A directory on the disk that is measured; a directory of the run is made in it and removed.")
  var directory = "/var/tmp"

  @Option(help: "Rounds of each comparison; the median counts.")
  var rounds = 5

  @Option(help: "Seconds of each round.")
  var seconds = 2.0

  @Flag(help: "Prints the rows as JSON.")
  var json = false

  @Flag(help: "Says nothing about progress.")
  var quiet = false

  @Flag(
    inversion: .prefixedNo,
    help: "Touches memory and disk before the first measure, which a virtual machine needs."
  )
  var warm = true

  func validate() throws {
    guard rounds >= 1, seconds > 0, seconds <= 3600 else {
      throw ValidationError("--rounds must be at least 1 and --seconds between 0 and 3600.")
    }
  }

  /// Runs scenarios in turn, prints their rows, and removes what they wrote.
  ///
  /// A scenario that fails is reported and the others go on; the command then ends with a failure.
  func run(_ scenarios: [any Scenario], title: String) throws {
    let context = try Context(
      directory: directory,
      rounds: rounds,
      roundSeconds: seconds,
      isVerbose: !quiet
    )
    defer { context.cleanUp() }
    if warm { try WarmUp.run(context) }
    var rows: [Row] = []
    var failures = 0
    for scenario in scenarios {
      context.log("\(type(of: scenario))")
      do {
        let new = try scenario.run(context)
        rows += new
        if !json && scenarios.count > 1 { context.log(Report.table(new)) }
      } catch {
        failures += 1
        Report.printError("\(type(of: scenario)): \(error)")
      }
    }
    print(json ? try Report.json(title: title, rows: rows, context: context) : Report.table(rows))
    if failures > 0 { throw ExitCode.failure }
  }
}
