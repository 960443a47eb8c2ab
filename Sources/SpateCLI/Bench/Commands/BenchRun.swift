import Glibc

/// Runs sections of scenarios and prints each when it is done; then how it all came out.
struct BenchRun {
  let options: BenchOptions
  let rounds: Int
  let roundSeconds: Double
  /// How long it takes, for the progress; nil when nobody knows.
  let expectedSeconds: Double?
  /// What each row has to say for itself, too.
  var showsDetails = true

  /// Removes all that it wrote, however it ends. A scenario that fails is reported and the others go on; the command then
  /// ends with a failure.
  func run(_ sections: [BenchSection]) throws {
    try Interruption.install()
    // Made before the long part, so that a place that cannot be written to is told at once.
    let picture = try options.plot.map { try NewFile(path: $0) }
    let progress = BenchProgress(isWanted: true, expectedSeconds: expectedSeconds)
    let context = try BenchContext(
      in: options.directory,
      rounds: rounds,
      roundSeconds: options.tiny ? min(roundSeconds, 0.02) : roundSeconds,
      scale: options.scale,
      progress: progress
    )
    try requireRoom(sections, context)
    let machine = BenchMachine(path: context.path, io: try io(context))
    var output = OutputBuffer()
    let isTerminal = isatty(STDOUT_FILENO) == 1
    let columns = isTerminal ? Terminal.width(of: STDOUT_FILENO) : nil
    let table = BenchTable(
      columns: columns,
      hasColours: Terminal.hasColours(STDOUT_FILENO),
      showsDetails: showsDetails
    )
    func say(_ text: @autoclosure () -> String) throws {
      guard !options.facts.json else { return }
      progress.clear()
      try output.append(text())
      try output.flush()
    }
    try say(machine.text + "\n")
    if !options.cold, !options.tiny { try WarmUp.run(context) }
    let noise = MachineNoise()
    let start = MonotonicClock.now
    var report = BenchReport()
    for section in sections {
      progress.title = section.title
      let rows = try self.rows(of: section, context, &report)
      report.sections.append((section.title, rows))
      if !rows.isEmpty { try say("\n" + table.text(section.title, rows)) }
    }
    report.seconds = MonotonicClock.seconds(since: start)
    report.curves = context.curves
    report.spike = context.spike
    report.warnings = noise.warnings(isInMemory: context.isInMemory, rows: report.rows)
    let ending = BenchEnding(report).text(table, columns: columns)
    try say(ending.isEmpty ? "" : "\n" + ending)
    progress.clear()
    try options.facts.print(json: report.json(machine: machine, context: context), text: "")
    if let picture { try draw(report, on: machine, into: picture) }
    guard report.failures.isEmpty else {
      throw CommandFailure.failed("\(report.failures.count) of the scenarios failed; see above")
    }
  }

  private func rows(of section: BenchSection, _ context: BenchContext, _ report: inout BenchReport) throws
    -> [BenchRow]
  {
    var rows: [BenchRow] = []
    for scenario in section.scenarios {
      do {
        rows += try scenario.run(context)
      } catch {
        // What was interrupted may fail in any way.
        try context.checkInterruption()
        let reason = (error as? CommandFailure)?.message ?? "\(error)"
        report.failures.append("\(section.title): \(reason)")
      }
    }
    return rows
  }

  private func requireRoom(_ sections: [BenchSection], _ context: BenchContext) throws {
    let needs = sections.flatMap { section in section.scenarios.map { $0.byteCount(context.scale) } }
    let most = max(needs.max() ?? 0, options.cold ? 0 : WarmUp.byteCount(context.scale))
    try context.requireFree(most + Limits.byteCount(context.scale), for: "this benchmark")
  }

  /// How the engine talks to the disk: it tries that out when it opens a store.
  private func io(_ context: BenchContext) throws -> String {
    let path = try context.emptyDirectory("probe")
    defer { TemporaryDirectory.remove(path) }
    let store = try EngineStore.open(at: path)
    defer { try? store.close() }
    return store.description
  }

  private func draw(_ report: BenchReport, on machine: BenchMachine, into picture: NewFile) throws {
    var output = OutputBuffer(descriptor: picture.descriptor, path: picture.temporaryPath)
    try output.append(BenchChart(report, on: machine).svg)
    try output.flush()
    try picture.finish()
  }
}
