import Glibc

/// A directory of a name of its own that is removed, with everything in it, when it is let go of.
final class TemporaryDirectory {
  let path: String

  /// Where the system keeps temporary files that may be large: TMPDIR or /var/tmp.
  static var standardParent: String {
    let named = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) }
    return named?.isEmpty == false ? named ?? "" : "/var/tmp"
  }

  /// Makes one inside `parent`, or inside ``standardParent`` where none is named; its name begins with `prefix`.
  init(in parent: String?, prefix: String) throws {
    let parent = parent ?? Self.standardParent
    var template = Array((parent + "/" + prefix + "-XXXXXX").utf8CString)
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

  /// Removes a tree; what is not there is no failure.
  static func remove(_ path: String) {
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
    if unsafe rmdir(path) != 0, errno == ENOTDIR { _ = unsafe unlink(path) }
  }
}
