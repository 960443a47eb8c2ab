/// Resident memory of a process with a store, measured in a child of its own.
///
/// What the child holds before it opens the store (the program and its libraries) is taken off.
struct MemoryScenario: BenchScenario {
  /// What the child does.
  enum Work: String, CaseIterable, Sendable {
    /// Writes at full speed, with a cursor at the tail.
    case load
    /// Opens ten thousand queues, with a record pending in each.
    case queues
  }

  var queueCount = 10_000
  var works = Work.allCases

  func byteCount(_ scale: BenchScale) -> UInt64 {
    max(scale.bytes(16 << 30), UInt64(scale.count(queueCount)) << 18) * 5 / 4 + 1 << 30
  }

  func run(_ context: BenchContext) throws -> [BenchRow] {
    try works.map { try row(of: $0, context) }
  }

  private func row(of work: Work, _ context: BenchContext) throws -> BenchRow {
    let count = context.scale.count(queueCount)
    try context.step(work.rawValue)
    let path = try context.emptyDirectory("memory")
    defer { TemporaryDirectory.remove(path) }
    let child = try OwnChild(arguments: [
      "bench-memory", path, "--work", work.rawValue, "--queue-count", "\(count)", "--seconds",
      "\(context.roundSeconds * 2)", "--byte-count", "\(context.scale.bytes(16 << 30))",
    ])
    var output = ChildLines(child)
    let words = output.next()?.split(separator: " ").compactMap { Double($0) } ?? []
    try context.checkInterruption()
    guard child.wait() == .exited(0), words.count == 4 else {
      throw CommandFailure.failed("the process whose memory is measured ended early [\(path)]")
    }
    let mebibyte = Double(1 << 20)
    return BenchRow(
      "memory",
      work == .load ? "peak at full speed" : "peak, \(count) open queues",
      unit: "MiB",
      better: .lower,
      values: [(words[1] - words[0]) / mebibyte],
      target: .measured(atMost: work == .load ? 64 + 16 : 256),
      details: [
        BenchDetail("before the store was opened, taken off", words[0] / mebibyte, "MiB"),
        BenchDetail("a second after the work", (words[2] - words[0]) / mebibyte, "MiB"),
        BenchDetail("time", words[3], "s"),
      ]
    )
  }
}
