import Glibc

/// A directory in memory that is removed with everything in it: the disk has no part in these figures.
final class BenchmarkDirectory {
  let path: String

  init() {
    var template = Array("/dev/shm/spate-microbenchmarks-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else {
      fatalError("cannot make a directory in /dev/shm: error \(errno)")
    }
    path = template.withUnsafeBufferPointer { unsafe String(cString: $0.baseAddress.unsafelyUnwrapped) }
  }

  deinit {
    _ = unsafe nftw(path, { name, _, _, _ in unsafe remove(name.unsafelyUnwrapped) }, 16, FTW_DEPTH.intValue)
  }
}
