import Testing

@testable import Spate

/// Disks with a volatile write cache, served by `Tests/PowerCut/volatile-disk.c`, with file systems on them.
///
/// Unmounted and gone when this is released, or when this process ends in whatever way.
final class VolatileDisks {
  /// What the disks answered instead of obeying.
  struct Refusal: Error, CustomStringConvertible {
    var command: String
    var answer: String
    var description: String { "the disks refused \"\(command)\": \(answer)" }
  }

  /// What a cut left.
  struct Cut {
    /// Sectors that no sync had covered.
    var unsyncedCount: Int
    /// How many of them are in the image.
    var survivingCount: Int
    /// How they were chosen.
    var choice: String
  }

  /// XFS wants 300 MiB.
  static let byteCount = 384 << 20

  let tools: PowerCutTools
  private let scratch = IOScratch()
  private let program: ChildProcess

  /// Serves `count` empty disks.
  init(count: Int, seed: UInt64) throws {
    tools = try PowerCutTools.found.get()
    program = try ChildProcess(
      [scratch.path, "\(count)", "\(Self.byteCount)", "\(seed)"],
      executable: tools.disk
    )
    guard program.firstLine() == "ok" else { throw Refusal(command: "serve", answer: "no answer") }
    _ = program.takeLines()
  }

  deinit { _ = program.finish() }

  /// Where a disk is mounted.
  func path(_ disk: Int) -> String { "\(scratch.path)/\(disk)" }

  /// Makes a file system on a disk that is not mounted.
  func format(_ disk: Int, as fileSystem: DiskFileSystem) throws {
    try ask("clear \(disk)")
    let device = try ask("attach \(disk)")
    let command = fileSystem.makingCommand.joined(separator: " ") + " " + device
    let isMade = PowerCutTools.run(command)
    try ask("detach \(disk)")
    guard isMade else { throw Refusal(command: command, answer: "failed") }
  }

  func mount(_ disk: Int, as fileSystem: DiskFileSystem) throws {
    try ask("mount \(disk) \(fileSystem) \(fileSystem.mountOptions)")
  }

  func unmount(_ disk: Int) throws { try ask("unmount \(disk)") }

  /// Cuts the power of `disk`, which goes on all the same: makes what is left of it on `image`, which is not mounted.
  func cut(_ disk: Int, to image: Int, seed: UInt64) throws -> Cut {
    let words = try ask("cut \(disk) \(image) \(seed)").split(separator: " ").map(String.init)
    guard words.count == 3, let unsynced = Int(words[0]), let surviving = Int(words[1]) else {
      throw Refusal(command: "cut", answer: "\(words)")
    }
    return Cut(unsyncedCount: unsynced, survivingCount: surviving, choice: words[2])
  }

  /// Makes every write of a disk take so long, one after the other, and every sync.
  func delay(_ disk: Int, writeMicroseconds: UInt64, syncMicroseconds: UInt64) throws {
    try ask("delay \(disk) \(writeMicroseconds) \(syncMicroseconds)")
  }

  /// Holds writes of at least so many bytes up.
  func holdWrites(ofAtLeast byteCount: Int) throws { try ask("hold \(byteCount)") }

  /// How many writes are held up.
  var heldCount: Int {
    get throws { Int(try ask("held")) ?? 0 }
  }

  /// Carries out what is held up, and holds no more.
  func releaseWrites() throws { try ask("release") }

  /// Makes reads of a range of a disk fail from now on, as bad sectors do; an empty one for none.
  func spoil(_ disk: Int, _ bytes: Range<UInt64>) throws {
    try ask("spoil \(disk) \(bytes.lowerBound) \(bytes.count)")
  }

  @discardableResult
  private func ask(_ command: String) throws -> String {
    let answer = program.ask(command) ?? "it has ended"
    guard answer.hasPrefix("ok") else { throw Refusal(command: command, answer: answer) }
    return String(answer.dropFirst(3))
  }
}
