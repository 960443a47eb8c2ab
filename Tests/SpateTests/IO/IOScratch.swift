import CSpate
import Glibc
import Testing

@testable import Spate

/// A directory that is removed with everything in it when the last reference goes: extend its lifetime to the
/// test's end.
final class IOScratch {
  let path: String

  init() {
    var template = Array("/tmp/spate-io-XXXXXX".utf8CString)
    unsafe mkdtemp(&template)
    path = unsafe template.withUnsafeBufferPointer {
      unsafe String(cString: $0.baseAddress.unsafelyUnwrapped)
    }
  }

  deinit { Self.remove(path) }

  /// The names in the directory.
  var names: [String] { (try? SystemStorage(root: path, readOnly: true).contents(ofDirectory: ".")) ?? [] }

  private static func remove(_ path: String) {
    guard let storage = try? SystemStorage(root: path, readOnly: true) else { return }
    for name in (try? storage.contents(ofDirectory: ".")) ?? [] {
      if (try? storage.kind(of: name)) == .directory {
        remove(path + "/" + name)
      } else {
        unsafe unlink(path + "/" + name)
      }
    }
    unsafe rmdir(path)
  }
}

/// Aligned memory for one test: blocks of a byte that tells them apart, and vectors over them.
@safe
final class IOBlocks {
  let bytes: UnsafeMutableRawBufferPointer
  let vectors: UnsafeMutableBufferPointer<iovec>

  /// `count` blocks of `byteCount` bytes; block n is filled with n + 1.
  init(count: Int, byteCount: Int = 4096) {
    unsafe bytes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, count * byteCount),
      alignment: 4096
    )
    unsafe vectors = UnsafeMutableBufferPointer<iovec>.allocate(capacity: max(1, count))
    for index in 0..<count {
      let start = unsafe bytes.baseAddress! + index * byteCount
      unsafe memset(start, Int32(UInt8(truncatingIfNeeded: index + 1)), byteCount)
      unsafe vectors.initializeElement(at: index, to: iovec(iov_base: start, iov_len: byteCount))
    }
  }

  deinit {
    unsafe bytes.deallocate()
    unsafe vectors.deallocate()
  }

  /// Some of the vectors.
  func vectors(_ range: Range<Int>) -> UnsafeBufferPointer<iovec> {
    unsafe UnsafeBufferPointer(rebasing: vectors[range])
  }

  var array: [UInt8] { unsafe Array(bytes) }
}

extension SubmissionQueue {
  /// Collects until nothing is in flight, or nothing came until `deadline`: each token's errors, in order.
  func collectAll(atOnce count: Int = 16, until deadline: Int64 = .max) -> [UInt64: [Int32]] {
    var results: [UInt64: [Int32]] = [:]
    let buffer = UnsafeMutableBufferPointer<IOCompletion>.allocate(capacity: count)
    defer { unsafe buffer.deallocate() }
    unsafe buffer.initialize(repeating: IOCompletion(token: 0, error: 0))
    while inFlightCount > 0 {
      let got = unsafe collect(into: buffer, untilNanoseconds: deadline)
      if got == 0, deadline != .max { break }
      for index in 0..<got {
        let completion = unsafe buffer[index]
        results[completion.token, default: []].append(completion.error)
      }
    }
    return results
  }
}

extension Storage {
  /// The whole file, read through the page cache.
  func bytes(of path: String) throws -> [UInt8] {
    let file = try open(path, .read)
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: Int(try byteCount(of: file)))
    let got = try unsafe bytes.withUnsafeMutableBytes { try unsafe read(file, into: $0, at: 0) }
    #expect(got == bytes.count)
    return bytes
  }
}

/// The four ways to do input and output that every test passes on.
struct IOWay: Sendable, CustomTestStringConvertible {
  var strategy: IOStrategy
  var mode: FileMode
  var testDescription: String { "\(strategy), \(mode)" }

  /// Those that this machine has: a sandbox may block io_uring, a file system direct files.
  static let all: [IOWay] = [IOStrategy.ioUring, .systemCalls].flatMap { strategy in
    [FileMode.direct, .buffered].compactMap { mode in
      let scratch = IOScratch()
      let works = (try? SystemStorage(root: scratch.path, strategy: strategy, mode: mode)) != nil
      return works ? IOWay(strategy: strategy, mode: mode) : nil
    }
  }

  func storage(_ scratch: IOScratch, queueCapacity: Int = 256) throws -> SystemStorage {
    try SystemStorage(root: scratch.path, strategy: strategy, mode: mode, queueCapacity: queueCapacity)
  }
}
