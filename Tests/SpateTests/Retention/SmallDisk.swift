import Glibc

@testable import Spate

/// A file system of a few MiB, mounted for one test where that is allowed; unmounted with the last reference.
final class SmallDisk {
  let path: String

  /// Why there is none; nil when one can be mounted.
  static let refusal: String? = {
    do {
      _ = try SmallDisk(byteCount: 1 << 20)
      return nil
    } catch {
      return "no file system can be mounted here: \(error)"
    }
  }()

  init(byteCount: Int) throws {
    var template = Array("/tmp/spate-disk-XXXXXX".utf8CString)
    unsafe mkdtemp(&template)
    path = unsafe template.withUnsafeBufferPointer {
      unsafe String(cString: $0.baseAddress.unsafelyUnwrapped)
    }
    guard unsafe mount("tmpfs", path, "tmpfs", 0, "size=\(byteCount)") == 0 else {
      let error = errno
      unsafe rmdir(path)
      throw SpateError(.unsupported, "mount", systemErrorNumber: error)
    }
  }

  deinit {
    unsafe umount2(path, Int32(MNT_DETACH))
    unsafe rmdir(path)
  }
}
