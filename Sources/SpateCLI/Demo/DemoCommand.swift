import ArgumentParser
import Glibc
import Spate

/// `spate demo`.
struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Show a spike: a real store, real processes, one of them killed, every record accounted for.",
    discussion: """
      A process of its own owns a store in a temporary directory and appends durably: calm, then a spike of 20 times \
      the rate, then calm. Three consumers read in this process: a fast one, a slow one, and one that goes away before \
      the spike and comes back behind it. In the middle of the spike the owner is killed with SIGKILL and started \
      again.

      At the end the whole log is read and every acknowledged record looked for, by sequence and content. Records \
      that were in doubt when the owner was killed are appended again and may be there twice; the number is told. The \
      exit code is 1 if anything acknowledged is missing or changed.

      Latency counts from when an append was due to when it was acknowledged as durable.

      Example:
        spate demo --seconds 60 --plot spike.svg
      """
  )

  @Option(help: ArgumentHelp("How long the producers append: 2 to 3600.", valueName: "seconds"))
  var seconds = 60.0

  @Option(
    help: ArgumentHelp("Records a second while it is calm; the spike is 20 times that.", valueName: "records")
  )
  var rate = 20_000.0

  @Option(
    help: ArgumentHelp(
      "Lines to append instead of generated card transactions, again from the first one behind the last; the first 64 MiB are used.",
      valueName: "file"
    ),
    completion: .file()
  )
  var input: String?

  @Option(
    help: ArgumentHelp("Draw rate, latency and lag over time, as SVG.", valueName: "file"),
    completion: .file(extensions: ["svg"])
  )
  var plot: String?

  @Option(
    help: ArgumentHelp(
      "Where to make the temporary directory: on the disk to be shown. (default: TMPDIR, or /var/tmp)",
      valueName: "directory"
    ),
    completion: .directory
  )
  var directory: String?

  @OptionGroup var facts: FactsOptions

  func validate() throws {
    guard (2...3600).contains(seconds) else { throw ValidationError("--seconds takes 2 to 3600.") }
    guard (10...10_000_000).contains(rate) else { throw ValidationError("--rate takes 10 to 10000000.") }
  }

  func run() throws {
    try Interruption.install()
    let plan = DemoPlan(seconds: seconds, calmRate: rate)
    let records = try DemoRecords(input: input)
    // Made before the long part, so that a place that cannot be written to is told at once.
    let picture = try plot.map { try NewFile(path: $0) }
    let directory = try TemporaryDirectory(in: directory, prefix: "spate-demo")
    try checkRoom(in: directory, plan: plan, records: records)
    let session = DemoSession(plan: plan, directory: directory.path, input: input, records: records)
    let (summary, samples) = try session.run(showing: !facts.json)
    try facts.print(json: summary.json, text: summary.text)
    if let picture {
      var output = OutputBuffer(descriptor: picture.descriptor, path: picture.temporaryPath)
      try output.append(DemoChart(plan: plan, samples: samples, restarted: summary.restarted).svg)
      try output.flush()
      try picture.finish()
    }
    guard summary.isWhole else {
      throw CommandFailure.failed(
        "the log does not hold what was acknowledged, or a consumer did not get it: please report this with the figures above"
      )
    }
  }

  /// Frames have a header; prepared segments and records that are appended twice need some more.
  private func checkRoom(in directory: TemporaryDirectory, plan: DemoPlan, records: DemoRecords) throws {
    let needed = plan.recordCount * UInt64(records.meanByteCount + 64) * 5 / 4 + 512 << 20
    guard directory.freeByteCount < needed else { return }
    throw CommandFailure.failed(
      "about \(ByteCount.text(needed)) are needed and \(ByteCount.text(directory.freeByteCount)) are free; name "
        + "another --directory, or take a lower --rate or fewer --seconds [\(directory.path)]"
    )
  }
}
