import CLimits
import FoundationEssentials
import Glibc

/// A directory of this run, removed when the run ends.
final class ScratchDirectory: Sendable {
  /// Where it is.
  let path: String

  /// Makes a new directory under `parent`.
  init(under parent: String) throws {
    path = "\(parent)/spate-bench-\(getpid())"
    guard unsafe mkdir(parent, 0o755) == 0 || errno == EEXIST else {
      throw BenchmarkError("cannot make the directory \(parent)", errno)
    }
    guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else {
      throw BenchmarkError("cannot make the directory \(path)", errno)
    }
  }

  /// A path inside, which may be there or not.
  func path(_ name: String) -> String { "\(path)/\(name)" }

  /// An empty directory inside.
  func emptyDirectory(_ name: String) throws -> String {
    let place = path(name)
    Self.remove(place)
    guard unsafe mkdir(place, 0o755) == 0 else {
      throw BenchmarkError("cannot make the directory \(place)", errno)
    }
    return place
  }

  /// Removes a tree; what is not there is no error.
  static func remove(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// How much may be written there.
  static func freeByteCount(at path: String) -> UInt64 {
    var status = statvfs()
    guard unsafe statvfs(path, &status) == 0 else { return .max }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize)
  }

  /// Whether the directory is on a file system without a disk.
  var isInMemory: Bool { unsafe climits_is_in_memory(path) != 0 }

  /// Throws when `byteCount` bytes do not fit.
  func requireFree(_ byteCount: UInt64, for purpose: String) throws {
    let free = Self.freeByteCount(at: path)
    guard free > byteCount else {
      throw BenchmarkError("\(purpose) needs \(byteCount >> 20) MiB and \(path) has \(free >> 20) MiB free")
    }
  }
}

/// Why a benchmark could not be run.
struct BenchmarkError: Error, CustomStringConvertible {
  var description: String

  init(_ message: String) { description = message }

  init(_ message: String, _ errorNumber: Int32) {
    description = "\(message): \(unsafe String(cString: strerror(errorNumber)))"
  }

  /// Throws for what a limit returns: 0 or a negative errno.
  static func check(_ result: Int32, _ what: String) throws {
    if result != 0 { throw BenchmarkError(what, -result) }
  }
}
