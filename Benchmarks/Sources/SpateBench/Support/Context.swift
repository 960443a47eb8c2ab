import CLimits
import Glibc

/// What all scenarios share: where they write, how often and how long they measure, and what they tell meanwhile.
final class Context {
  /// The files of this run.
  let scratch: ScratchDirectory
  /// How many rounds a comparison takes.
  let rounds: Int
  /// How long a round lasts.
  let roundSeconds: Double
  /// Whether progress goes to standard error.
  let isVerbose: Bool
  /// The limits of this machine, on the same disk.
  let limits: Limits

  /// Makes the directory of the run.
  init(directory: String, rounds: Int, roundSeconds: Double, isVerbose: Bool) throws {
    scratch = try ScratchDirectory(under: directory)
    self.rounds = max(rounds, 1)
    self.roundSeconds = roundSeconds
    self.isVerbose = isVerbose
    limits = Limits(directory: scratch.path)
    if scratch.isInMemory {
      Report.printError("\(directory) is in memory; name a directory on a disk with --directory")
    }
  }

  /// Says what is going on.
  func log(_ message: @autoclosure () -> String) {
    guard isVerbose else { return }
    let text = Array("# \(message())\n".utf8)
    _ = unsafe write(STDERR_FILENO, text, text.count)
  }

  /// Removes the files of this run.
  func cleanUp() { ScratchDirectory.remove(scratch.path) }
}

/// A part of the benchmark that measures one or more rows.
protocol Scenario {
  /// Measures, in rounds interleaved with the limit.
  func run(_ context: Context) throws -> [Row]
}
