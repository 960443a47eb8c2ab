import Glibc

/// A directory of a name of its own that is removed, with everything in it, when it is let go of.
final class TemporaryDirectory {
  let path: String

  /// Makes one inside `parent`; where none is named, where the system keeps temporary files that may be large: in
  /// TMPDIR or /var/tmp.
  init(in parent: String?) throws {
    let named = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) }
    let parent = parent ?? (named?.isEmpty == false ? named ?? "" : "/var/tmp")
    var template = Array((parent + "/spate-demo-XXXXXX").utf8CString)
    guard let made = unsafe mkdtemp(&template) else {
      throw CommandFailure.system("make a directory in", parent)
    }
    path = unsafe String(cString: made)
  }

  deinit { Self.remove(path) }

  /// How many bytes may still be stored there.
  var freeByteCount: UInt64 {
    var facts = statvfs()
    guard unsafe statvfs(path, &facts) == 0 else { return .max }
    return UInt64(facts.f_bavail) * UInt64(facts.f_frsize)
  }

  private static func remove(_ path: String) {
    if let stream = unsafe opendir(path) {
      while let entry = unsafe readdir(stream) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        guard name != ".", name != ".." else { continue }
        // A directory cannot be unlinked; anything else is no directory to go into.
        if unsafe unlink(path + "/" + name) != 0 { remove(path + "/" + name) }
      }
      unsafe closedir(stream)
    }
    _ = unsafe rmdir(path)
  }
}
