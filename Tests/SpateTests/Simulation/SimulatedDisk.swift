import CSpate
import Glibc

@testable import Spate

/// A disk in memory that outlives the processes that use it, with a cache that a power cut empties. One thread.
///
/// A ``SimulatedStorage`` is one process's view of it. Every operation goes through ``perform(_:_:of:effect:)``,
/// which lets others take their turns first, injects faults, cuts the power at a chosen operation, and takes the
/// operation into the trace.
final class SimulatedDisk {
  /// What is asked of the disk, as it stands in the trace.
  enum Operation: UInt8 {
    case create = 1, write, durableWrite, sync, allocate, createDirectory, rename, remove, syncDirectory

    var faultKind: SimulatedFaults.Kind {
      switch self {
      case .write, .durableWrite: .write
      case .sync, .syncDirectory: .sync
      case .allocate, .create, .createDirectory: .allocate
      default: .other
      }
    }
  }

  /// A write of a process that has ended, still on its way.
  private struct Orphan {
    var file: SimulatedFile
    var offset: Int
    var bytes: [UInt8]
    var isDirect: Bool
    var dueNanoseconds: UInt64

    /// The write comes through after all.
    func settle() {
      unsafe bytes.withUnsafeBytes {
        unsafe file.write($0, at: offset, durably: false, isDirect: isDirect)
      }
      file.orphanCount -= 1
    }
  }

  /// A lock on one byte of a file.
  struct Lock {
    var file: Int
    var byte: UInt64
    var holder: Int32
    var isExclusive: Bool
  }

  let random: SeededRandom
  private(set) var root = SimulatedDirectory()
  private var directories: [SimulatedDirectory] = []
  private var files: [SimulatedFile] = []
  private var fileCount = 0
  private var orphans: [Orphan] = []
  var locks: [Lock] = []
  var nextDescriptor: Int32 = 1000
  var faults = SimulatedFaults()
  /// Whether a sync that failed took along what other files had in the cache.
  private(set) var lostWholeCache = false
  /// At which operation from now on the power goes; nil for none.
  var operationsUntilCut: Int?
  /// After which operation from now on the process is killed; nil for none.
  var operationsUntilKill: Int?
  /// What all operations so far come to.
  private(set) var trace: UInt64 = 0
  private(set) var operationCount = 0
  /// Rules of the engine for memory and files that were broken.
  var violations: [String] = []
  /// Lets others take a turn; before each operation.
  var yield: () -> Void = {}
  /// The simulation's time, monotonic ns.
  var now: () -> UInt64 = { 0 }
  /// Told of each operation, for who looks on.
  var log: ((String) -> Void)?
  /// Called when the power goes.
  var powerWent: () -> Void = {}

  init(random: SeededRandom) {
    self.random = random
    directories = [root]
  }

  // MARK: Operations

  /// Does one operation that changes something. Returns 0 or the errno; `effect` is what it changes.
  func perform(_ operation: Operation, _ subject: Trace, of mount: SimulatedStorage, effect: () -> Void)
    -> Int32
  {
    yield()
    guard mount.isAlive else { return EIO }
    operationCount += 1
    let error = faults.next(operation.faultKind, now: now())
    note(operation, subject, error)
    if let left = operationsUntilCut {
      operationsUntilCut = left - 1
      if left <= 0 {
        operationsUntilCut = nil
        // What the operation was to change may be among what survives.
        if operation.faultKind != .sync || random.chance(50) { effect() }
        mount.end()
        powerWent()
        return EIO
      }
    }
    if let left = operationsUntilKill {
      operationsUntilKill = left - 1
      if left <= 0 {
        operationsUntilKill = nil
        effect()
        mount.end()
        return EIO
      }
    }
    // A write that failed may have got to the kernel all the same.
    if error == 0 || (error == EIO && operation == .write && random.chance(50)) { effect() }
    return error
  }

  /// What an operation is about, for the trace.
  struct Trace: CustomStringConvertible {
    var path = ""
    var file = 0
    var offset: UInt64 = 0
    var count = 0
    var checksum: UInt32 = 0

    var description: String { "\(path) \(file): \(count) at \(offset)" }
  }

  private func note(_ operation: Operation, _ subject: Trace, _ error: Int32) {
    for word in [
      UInt64(operation.rawValue), UInt64(subject.file), subject.offset, UInt64(subject.count),
      UInt64(subject.checksum), UInt64(error),
    ] { trace = (trace ^ word) &* 0x0000_0100_0000_01B3 &+ (trace >> 29) }
    log?("  \(operation) \(subject)\(error == 0 ? "" : " fails with \(error)")")
  }

  /// A sync failed: what it was to cover, or all that the device had in its cache, never gets to the medium.
  func loseCache(of file: SimulatedFile?, through ordinal: UInt64) {
    if faults.losesWholeCache || file == nil {
      lostWholeCache = true
      for file in files { file.failSync(through: file.lastOrdinal, random) }
    } else {
      file?.failSync(through: ordinal, random)
    }
  }

  func makeFile() -> SimulatedFile {
    fileCount += 1
    let file = SimulatedFile(number: fileCount)
    files.append(file)
    return file
  }

  func makeDirectory() -> SimulatedDirectory {
    let directory = SimulatedDirectory()
    directories.append(directory)
    return directory
  }

  /// What stands at a path.
  func node(_ path: String) -> SimulatedNode? {
    var node = SimulatedNode.directory(root)
    for part in path.split(separator: "/") where part != "." {
      guard case .directory(let directory) = node, let next = directory[String(part)] else { return nil }
      node = next
    }
    return node
  }

  /// The directory that a path lies in, and the last part of it.
  func place(_ path: String) -> (directory: SimulatedDirectory, name: String)? {
    let parts = path.split(separator: "/")
    guard let last = parts.last,
      case .directory(let directory) = node(parts.dropLast().joined(separator: "/"))
    else { return nil }
    return (directory, String(last))
  }

  /// The files of a directory and those below it, in the order in which they were made.
  var allFiles: [SimulatedFile] { files }

  // MARK: What happens to the machine

  /// Takes over a write of a process that ended.
  func adopt(_ bytes: [UInt8], at offset: Int, of file: SimulatedFile, isDirect: Bool) {
    file.orphanCount += 1
    let due = now() + UInt64(random.within(0...20_000_000))
    orphans.append(Orphan(file: file, offset: offset, bytes: bytes, isDirect: isDirect, dueNanoseconds: due))
  }

  /// Lets writes of ended processes come through whose time has come.
  func settleOrphans() {
    let time = now()
    for orphan in orphans where orphan.dueNanoseconds <= time { orphan.settle() }
    orphans.removeAll { $0.dueNanoseconds <= time }
  }

  /// The power comes back: what is left is on the medium, and any part of what was not synced.
  func restart() {
    locks.removeAll()
    for orphan in orphans { orphan.settle() }
    orphans.removeAll()
    let namesPercent = [0, 50, 100, random.below(101)][random.below(4)]
    for directory in directories { directory.cut(percent: namesPercent, random) }
    for directory in directories { directory.restart() }
    prune()
    let grain = random.chance(50) ? 512 : 4096
    let common = [0, 50, 100, random.below(101)][random.below(4)]
    for file in files {
      let percent = random.chance(70) ? common : random.below(101)
      file.cut(SimulatedFile.Tearing(grain: grain, percent: percent), random)
    }
    faults = SimulatedFaults()
    operationsUntilCut = nil
  }

  /// Forgets files and directories without a name.
  private func prune() {
    var foundDirectories: [SimulatedDirectory] = []
    var foundFiles: [SimulatedFile] = []
    func visit(_ directory: SimulatedDirectory) {
      foundDirectories.append(directory)
      for (_, node) in directory.names.sorted(by: { $0.key < $1.key }) {
        switch node {
        case .file(let file): foundFiles.append(file)
        case .directory(let child): visit(child)
        }
      }
    }
    visit(root)
    directories = foundDirectories
    files = foundFiles.sorted { $0.number < $1.number }
  }
}
