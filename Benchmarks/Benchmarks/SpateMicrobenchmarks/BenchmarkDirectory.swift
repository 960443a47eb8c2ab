import Foundation
import Glibc

/// A directory in memory that is removed with everything in it: the disk has no part in these figures.
final class BenchmarkDirectory {
  let path: String

  init() {
    var template = Array("/dev/shm/spate-microbenchmarks-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else {
      fatalError("cannot make a directory in /dev/shm: error \(errno)")
    }
    path = unsafe template.withUnsafeBufferPointer {
      unsafe String(cString: $0.baseAddress.unsafelyUnwrapped)
    }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }
}
