import Glibc

/// A directory of its own for one test, removed with everything in it.
final class Scratch {
  let path: String

  init() {
    var template = Array("/tmp/spate-cli-XXXXXX".utf8CString)
    path = unsafe template.withUnsafeMutableBufferPointer { buffer in
      unsafe String(cString: mkdtemp(buffer.baseAddress!))
    }
  }

  deinit {
    let process = ChildCommand(["/bin/rm", "-rf", path])
    _ = process.finish()
  }

  /// A path inside.
  func callAsFunction(_ name: String) -> String { path + "/" + name }

  /// Writes a file; returns its path.
  func file(_ name: String, _ bytes: [UInt8]) -> String {
    Files.write(self(name), bytes)
    return self(name)
  }
}

/// Whole files.
enum Files {
  static func write(_ path: String, _ bytes: [UInt8]) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    precondition(descriptor >= 0, "cannot make \(path)")
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes[done...].withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      precondition(count > 0)
      done += count
    }
    close(descriptor)
  }

  static func read(_ path: String) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    return Descriptors.readAll(descriptor)
  }

  /// Changes bits of one byte.
  static func flip(_ path: String, at offset: Int, _ bits: UInt8 = 1) {
    var bytes = read(path)
    bytes[offset] ^= bits
    write(path, bytes)
  }

  static func names(in directory: String) -> [String] {
    guard let stream = unsafe opendir(directory) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}

/// Reading and writing descriptors.
enum Descriptors {
  static func readAll(_ descriptor: Int32) -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return all }
      all += buffer[..<count]
    }
  }
}
