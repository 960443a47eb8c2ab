import CSpate
import Glibc

// SAFETY, of every call here: the path is a terminated copy that lives for the call.
extension SystemStorage {
  func createDirectory(_ path: String) throws(SpateError) {
    let result = unsafe spate_mkdirat(rootDescriptor, path)
    if result == -EEXIST, unsafe spate_kind(rootDescriptor, path) == Int32(SPATE_KIND_DIRECTORY) { return }
    if result < 0 { throw .system(-result, .createDirectory, path: path) }
  }

  func contents(ofDirectory path: String) throws(SpateError) -> [String] {
    var stream: UnsafeMutableRawPointer?
    let opened = unsafe spate_directory_open(rootDescriptor, path, &stream)
    if opened < 0 { throw .system(-opened, .list, path: path) }
    defer { unsafe spate_directory_close(stream) }
    var names: [String] = []
    var name: UnsafePointer<CChar>?
    while true {
      let result = unsafe spate_directory_next(stream, &name)
      if result == 0 { return names }
      guard result > 0, let found = unsafe name else { throw .system(-result, .list, path: path) }
      // SAFETY: a terminated name, valid until the next call; copied here.
      names.append(unsafe String(cString: found))
    }
  }

  func kind(of path: String) throws(SpateError) -> FileKind? {
    let result = unsafe spate_kind(rootDescriptor, path)
    switch Int(result) {
    case SPATE_KIND_NONE: return nil
    case SPATE_KIND_FILE: return .file
    case SPATE_KIND_DIRECTORY: return .directory
    case SPATE_KIND_OTHER: return .other
    default: throw .system(-result, .inspect, path: path)
    }
  }

  func rename(_ from: String, to: String) throws(SpateError) {
    let result = unsafe spate_renameat(rootDescriptor, from, to)
    if result < 0 { throw .system(-result, .rename, path: from) }
  }

  func remove(_ path: String) throws(SpateError) {
    var result = unsafe spate_unlinkat(rootDescriptor, path, 0)
    if result == -EISDIR || result == -EPERM {
      let asDirectory = unsafe spate_unlinkat(rootDescriptor, path, 1)
      // A file that may not be removed keeps its first reason.
      if asDirectory != -ENOTDIR { result = asDirectory }
    }
    if result < 0 { throw .system(-result, .remove, path: path) }
  }

  func syncDirectory(_ path: String) throws(SpateError) {
    let descriptor = unsafe spate_openat(rootDescriptor, path, UInt32(SPATE_OPEN_DIRECTORY))
    if descriptor < 0 { throw .system(-descriptor, .openDirectory, path: path) }
    defer { spate_close(descriptor) }
    try failedSyncs.counting { () throws(SpateError) in
      let result = spate_fsync(descriptor)
      if result < 0 { throw .system(-result, .syncDirectory, path: path) }
    }
  }

  func freeByteCount(at path: String) throws(SpateError) -> UInt64 {
    let descriptor = unsafe spate_openat(rootDescriptor, path, 0)
    if descriptor < 0 { throw .system(-descriptor, .open, path: path) }
    defer { spate_close(descriptor) }
    var byteCount: UInt64 = 0
    let result = unsafe spate_free_byte_count(descriptor, &byteCount)
    if result < 0 { throw .system(-result, .inspect, path: path) }
    return byteCount
  }
}
