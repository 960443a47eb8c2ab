/// Resident memory of a process with a store, measured in a child of its own.
///
/// What the child holds before it opens the store (the program and its libraries) is taken off.
struct MemoryScenario: Scenario {
  /// What the child does.
  enum Work: String, CaseIterable, Sendable {
    /// Writes at full speed, with a cursor at the tail.
    case load
    /// Opens ten thousand queues, with a record pending in each.
    case queues
  }

  var queueCount = 10_000
  var works = Work.allCases

  func run(_ context: Context) throws -> [Row] {
    try works.map { work in
      let path = try context.scratch.emptyDirectory("memory")
      defer { ScratchDirectory.remove(path) }
      let child = try ChildProcess(arguments: [
        "child-memory", "--path", path, "--work", work.rawValue, "--queue-count", "\(queueCount)",
        "--seconds", "\(context.roundSeconds * 2)",
      ])
      var words: [Double] = []
      while let line = child.readLine() { words += line.split(separator: " ").compactMap { Double($0) } }
      guard child.wait() == 0, words.count == 4 else {
        throw BenchmarkError("the child that measures memory failed")
      }
      let mebibyte = Double(1 << 20)
      let bound = work == .load ? 64.0 + 16 : 256
      return Row(
        scenario: "memory",
        measure: work == .load
          ? "peak resident memory at full speed, 64 MiB budget"
          : "peak resident memory, \(queueCount) open queues",
        unit: "MiB",
        measured: Spread([(words[1] - words[0]) / mebibyte]),
        target: .measured(atMost: bound),
        details: [
          Detail("before the store was opened, taken off", words[0] / mebibyte, "MiB"),
          Detail("a second after the work", (words[2] - words[0]) / mebibyte, "MiB"),
          Detail("time", words[3], "s"),
        ]
      )
    }
  }
}
