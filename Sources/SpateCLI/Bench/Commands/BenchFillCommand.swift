import ArgumentParser

/// `spate bench-fill`: fills a log, says so, and goes on until it is killed.
struct BenchFillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-fill",
    abstract: "The part of a benchmark that is killed; started by it.",
    shouldDisplay: false
  )
  @Argument var path: String
  @Option var byteCount: UInt64

  func run() throws {
    let store = try EngineStore.open(at: path)
    let queue = try store.queue(named: "bench")
    _ = try Load().run(on: queue, seconds: 3600, byteCountLimit: byteCount)
    var output = OutputBuffer()
    try output.append("filled\n")
    try output.flush()
    // Bounded, should the parent be gone.
    _ = try Load().run(on: queue, seconds: 10, byteCountLimit: 8 << 30)
  }
}
