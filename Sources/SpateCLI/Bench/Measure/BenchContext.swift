import CLimits
import Glibc

/// What all scenarios share: where they write, how often and how long they measure, and what they tell meanwhile.
/// One thread.
final class BenchContext {
  /// How many rounds a comparison takes.
  let rounds: Int
  /// How long a round lasts.
  let roundSeconds: Double
  /// How much is written and held.
  let scale: BenchScale
  /// The limits of this machine, on the same disk.
  let limits: Limits
  /// Latencies and rate steps, for the plot.
  var curves: [LatencyCurve] = []
  var spike: [SpikeSample] = []

  private let directory: TemporaryDirectory
  private let progress: BenchProgress

  /// Makes a directory of this run, which is removed when the context is let go of.
  init(
    in parent: String?,
    rounds: Int,
    roundSeconds: Double,
    scale: BenchScale = .full,
    progress: BenchProgress = BenchProgress(isWanted: false)
  ) throws {
    directory = try TemporaryDirectory(in: parent, prefix: "spate-bench")
    self.rounds = max(rounds, 1)
    self.roundSeconds = roundSeconds
    self.scale = scale
    self.progress = progress
    limits = Limits(directory: directory.path, scale: scale)
  }

  /// How long a limit is measured beside a round.
  var limitSeconds: Double { min(roundSeconds, max(0.15, roundSeconds / 2), 1) }

  /// The directory of the run.
  var path: String { directory.path }

  /// Whether it is on a file system without a disk.
  var isInMemory: Bool { unsafe climits_is_in_memory(path) != 0 }

  /// A path inside, which may be there or not.
  func path(_ name: String) -> String { "\(directory.path)/\(name)" }

  /// An empty directory inside.
  func emptyDirectory(_ name: String) throws -> String {
    let place = path(name)
    TemporaryDirectory.remove(place)
    guard unsafe mkdir(place, 0o755) == 0 else { throw CommandFailure.system("make the directory", place) }
    return place
  }

  /// Refuses to begin what does not fit on the disk.
  func requireFree(_ byteCount: UInt64, for purpose: String) throws {
    let free = directory.freeByteCount
    guard free < byteCount else { return }
    throw CommandFailure.failed(
      "\(purpose) needs about \(ByteCount.text(byteCount)) and \(ByteCount.text(free)) are free; name another "
        + "directory, or take --quick [\(path)]"
    )
  }

  /// Says what is done now. Throws when the command should stop.
  func step(_ what: @autoclosure () -> String) throws {
    try checkInterruption()
    progress.show(what())
  }

  /// Throws when the command should stop.
  func checkInterruption() throws {
    if let signal = Interruption.signal { throw CommandFailure.interrupted(by: signal) }
  }

  /// Lets a while pass; throws when the command should stop.
  func pause(seconds: Double) throws {
    _ = Interruption.sleep(nanoseconds: UInt64(seconds * 1e9))
    try checkInterruption()
  }
}

/// A part of the benchmark that measures one or more rows.
protocol BenchScenario: Sendable {
  /// Bytes that it keeps on the disk at a time, at most, beside the files of the limits.
  func byteCount(_ scale: BenchScale) -> UInt64

  /// Measures, in rounds interleaved with the limit.
  func run(_ context: BenchContext) throws -> [BenchRow]
}

extension BenchScenario {
  func byteCount(_ scale: BenchScale) -> UInt64 { LoadBed.byteCount(scale) }
}
