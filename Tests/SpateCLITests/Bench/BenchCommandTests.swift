import Glibc
import Testing

@testable import SpateCLI

/// Shapes and units of what a benchmark prints; never how fast anything was.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct BenchCommandTests {
  /// A scenario as it is asked for, and what its rows are about.
  struct Asked: CustomTestStringConvertible {
    var words: [String]
    var scenario: String
    var units: Set<String>
    var rowCount: Int
    /// Whether each row stands beside a limit.
    var hasLimit = true

    var testDescription: String { words.joined(separator: " ") }
  }

  static let asked = [
    Asked(
      words: ["append", "--size", "64", "--size", "1KiB", "--producers", "1", "--producers", "2"],
      scenario: "append",
      units: ["GB/s"],
      rowCount: 4
    ),
    Asked(words: ["append", "--level", "written"], scenario: "append", units: ["GB/s"], rowCount: 1),
    Asked(words: ["append", "--level", "published"], scenario: "append", units: ["ns"], rowCount: 1),
    Asked(
      words: ["append", "--batch", "16", "--with-frames"],
      scenario: "append",
      units: ["GB/s"],
      rowCount: 1
    ),
    Asked(words: ["closed-loop"], scenario: "closed-loop", units: ["µs", "k/s"], rowCount: 8),
    Asked(words: ["window", "--window", "64"], scenario: "window", units: ["µs", "k/s"], rowCount: 8),
    Asked(words: ["spike"], scenario: "spike", units: ["µs"], rowCount: 9),
    Asked(words: ["tail"], scenario: "tail", units: ["GB/s"], rowCount: 3),
    Asked(words: ["delivery", "--rate", "1000"], scenario: "delivery", units: ["µs"], rowCount: 4),
    Asked(words: ["read-back"], scenario: "read-back", units: ["GB/s"], rowCount: 1),
    Asked(words: ["many-queues"], scenario: "many-queues", units: ["ms"], rowCount: 1),
    Asked(words: ["reopen"], scenario: "open", units: ["ms"], rowCount: 1, hasLimit: false),
    Asked(words: ["fresh", "--total-seconds", "2"], scenario: "fresh", units: ["GB/s"], rowCount: 1),
    Asked(
      words: ["stalled-cursor", "--stall-seconds", "5"],
      scenario: "stalled-cursor",
      units: ["GB/s"],
      rowCount: 1
    ),
    Asked(
      words: ["cold-cursor", "--rate", "20 MB"],
      scenario: "cold-cursor",
      units: ["GB/s", "µs", "MiB"],
      rowCount: 5
    ),
    Asked(words: ["disk-stall"], scenario: "disk-stall", units: ["µs"], rowCount: 1),
    Asked(
      words: ["acknowledge"],
      scenario: "acknowledge",
      units: ["ns", "syncs/s", "ms"],
      rowCount: 3,
      hasLimit: false
    ),
    Asked(
      words: ["processor", "--total-seconds", "5"],
      scenario: "processor",
      units: ["% of a core"],
      rowCount: 3,
      hasLimit: false
    ),
    Asked(words: ["memory"], scenario: "memory", units: ["MiB"], rowCount: 2, hasLimit: false),
    Asked(
      words: ["limits"],
      scenario: "limits",
      units: ["GB/s", "µs", "writes/s", "ns", "ms"],
      rowCount: 9,
      hasLimit: false
    ),
  ]

  let scratch = Scratch()

  @Test(arguments: asked)
  func aScenarioTellsWhatItMeasuredInWhichUnitBesideWhich(asked: Asked) throws {
    let document = try run(["bench"] + asked.words + [scratch.path, "--tiny", "--rounds", "2"])
    #expect(document.failures == [])
    #expect(document.rounds == 2)
    #expect(document.rows.count == asked.rowCount)
    #expect(Set(document.rows.map(\.unit)) == asked.units)
    for row in document.rows {
      #expect(row.scenario == asked.scenario)
      #expect((row.limit != nil) == asked.hasLimit)
      Self.check(row)
    }
    #expect(Files.names(in: scratch.path) == [])
  }

  /// What holds for every row, whatever was measured.
  private static func check(_ row: BenchDocument.Row) {
    let what = "\(row.scenario), \(row.measure)"
    #expect(!row.measure.isEmpty && !row.values.isEmpty)
    #expect(["higher", "lower"].contains(row.better))
    for spread in [row.measured, row.limit, row.ratio].compactMap({ $0 }) {
      #expect(spread.minimum <= spread.median && spread.median <= spread.maximum, "\(what)")
      #expect(spread.minimum >= 0, "\(what)")
    }
    #expect(row.measured.minimum == row.values.min() && row.measured.maximum == row.values.max(), "\(what)")
    #expect((row.ratio == nil) == (row.limit == nil), "\(what)")
    #expect((row.target == nil) == (row.isReached == nil), "\(what)")
    #expect(row.limit?.name?.isEmpty != true, "\(what)")
    guard let cost = row.cost else {
      // The limits are no work of ours, and a child's memory is measured by itself.
      #expect(["limits", "memory"].contains(row.scenario), "\(what) has no cost")
      return
    }
    #expect(cost.peakMemoryBytes > 1 << 20, "\(what)")
    #expect((cost.cpuSecondsPerGigabyte == nil) == (cost.payloadBytes == 0), "\(what)")
    if let commits = cost.commits, commits > 0 { #expect((cost.meanBatch ?? 0) > 0, "\(what)") }
    if ["append", "closed-loop", "window", "spike", "tail", "fresh", "many-queues"].contains(row.scenario) {
      // Without a sync there is no commit.
      let isSynced = row.limit?.name != "memcpy"
      #expect(cost.records > 0 && (cost.commits ?? -1) >= (isSynced ? 1 : 0), "\(what)")
      // A closed loop, which has a block for each record, writes many times its payload.
      #expect((cost.deviceBytesPerPayloadByte ?? 0) > 0.5, "\(what)")
    }
  }

  @Test func withoutAScenarioAllAreMeasuredAndDrawn() throws {
    let other = scratch.file("mine", [1, 2, 3])
    let document = try run(["bench", scratch.path, "--tiny", "--plot", scratch("bench.svg")])
    #expect(document.failures == [])
    #expect(document.rows.first?.section == "Limits")
    let scenarios = Set(document.rows.map(\.scenario))
    #expect(
      scenarios == [
        "limits", "append", "closed-loop", "window", "spike", "tail", "delivery", "read-back", "many-queues",
        "open",
      ]
    )
    for row in document.rows { Self.check(row) }
    let sizes = document.rows.filter { $0.section == "Durable" && $0.unit == "GB/s" }.map(\.measure)
    #expect(
      sizes == ["64 B × 2", "256 B × 2", "1 KiB × 2", "8 KiB × 2", "64 KiB × 2", "1 KiB × 1", "1 KiB × 8"]
    )
    #expect(document.machine.processorCount > 0 && !document.machine.fileSystem.isEmpty)
    #expect(document.curves.map(\.name).first == "raw 4 KiB synced write")
    for curve in document.curves {
      #expect(curve.points.map(\.microseconds) == curve.points.map(\.microseconds).sorted(), "\(curve.name)")
    }
    #expect(document.spike.contains { $0.p99Microseconds != nil })
    let offered = document.spike.map(\.offeredPerSecond)
    #expect((offered.max() ?? 0) > 4 * (offered.first ?? .infinity))
    // Four charts, each with its lines.
    let picture = Files.read(scratch("bench.svg"))
    let elements = try XMLDocument(picture).elements
    #expect(elements.first == "svg")
    #expect(elements.filter { $0 == "path" }.count >= 16)
    let text = String(decoding: picture, as: UTF8.self)
    for title in ["Throughput by record size", "Latency by percentile", "Spike: append", "Spike: records"] {
      #expect(text.contains(title))
    }
    #expect(!text.contains("nan") && !text.contains("inf"))
    // Nothing but what was there and what was asked for.
    #expect(Files.names(in: scratch.path) == ["bench.svg", "mine"])
    #expect(Files.read(other) == [1, 2, 3])
  }

  @Test func aTableInAPipeIsPlainAndEndsWithWhatCameOfIt() {
    let result = CLI.run(
      "bench",
      "many-queues",
      scratch.path,
      "--tiny",
      "--rounds",
      "2",
      environment: ["TERM=xterm-256color"]
    )
    #expect(result.status == .exited(0))
    #expect(result.error == "")
    #expect(!result.text.contains("\u{1B}") && !result.text.contains("█"))
    #expect(result.text.contains("Many queues"))
    #expect(result.text.contains("beside a write and fdatasync each"))
    #expect(result.text.contains("CPU s/GB"))
    #expect(result.text.contains("Targets met: "))
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func aSignalEndsABenchmarkThatLeavesNothing(signal: Int32) {
    _ = scratch.file("mine", [1])
    let child = CLI.start("bench", "reopen", scratch.path, "--log", "8GiB", "--cold")
    // In the midst of it: a child is filling a log.
    #expect(child.wait { !Processes.children(of: child.identifier).isEmpty })
    child.kill(signal)
    let result = child.finish()
    #expect(result.status == .killed(signal))
    #expect(result.error == "")
    #expect(Files.names(in: scratch.path) == ["mine"])
  }

  @Test func aBenchmarkThatDoesNotFitIsRefusedBeforeItBegins() {
    let result = CLI.run("bench", "reopen", scratch.path, "--log", "900TiB")
    #expect(result.status == .exited(1))
    #expect(result.error.contains("this benchmark needs about 1.1 PiB and "))
    #expect(result.error.split(separator: "\n").count == 1)
    #expect(result.output == [])
    #expect(Files.names(in: scratch.path) == [])
    let nowhere = CLI.run("bench", scratch("nowhere"))
    #expect(nowhere.status == .exited(1))
    #expect(nowhere.error.contains("could not make a directory in"))
    let picture = CLI.run("bench", "limits", scratch.path, "--plot", scratch("nowhere/picture.svg"))
    #expect(picture.status == .exited(1))
    #expect(picture.error.contains("could not make the file"))
  }

  @Test func aDirectoryInMemoryIsMeasuredWithAWarning() throws {
    let disk = try #require(Self.memoryDirectory())
    defer { unsafe rmdir(disk) }
    let document = try run(["bench", "closed-loop", disk, "--tiny", "--rounds", "1", "--producers", "1"])
    #expect(document.failures == [])
    #expect(document.warnings.contains { $0.contains("in memory (tmpfs)") })
  }

  @Test(arguments: [
    ["append", "--size", "0"], ["append", "--producers", "0"],
    ["append", "--level", "published", "--batch", "2"],
    ["closed-loop", "--window", "0"], ["spike", "--factor", "0"], ["delivery", "--size", "1"],
    ["--rounds", "0"], ["--seconds", "-1"], ["targets", "--only", "nothing"], ["nothing", "--size", "1"],
  ])
  func wrongParametersAreRefused(words: [String]) {
    let process = ChildCommand([CLI.path, "bench"] + words)
    let result = process.finish()
    #expect(result.status == .exited(2))
    #expect(result.output == [])
    #expect(!result.error.isEmpty)
  }

  private func run(_ words: [String]) throws -> BenchDocument {
    let process = ChildCommand([CLI.path] + words + ["--json"])
    let result = process.finish()
    #expect(result.status == .exited(0), "\(words): \(result.error)")
    #expect(result.error == "")
    return try BenchDocument(result.output)
  }

  private static func memoryDirectory() -> String? {
    var template = Array("/dev/shm/spate-cli-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else { return nil }
    return unsafe template.withUnsafeBufferPointer {
      unsafe String(cString: $0.baseAddress.unsafelyUnwrapped)
    }
  }
}
