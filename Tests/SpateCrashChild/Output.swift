import Glibc

/// What the child says: whole lines by one call each, so that a kill cuts between lines or inside the last.
enum Output {
  static func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(1, $0.baseAddress, $0.count) }
      guard count > 0 else { exit(3) }
      rest = rest.dropFirst(count)
    }
  }

  static func fail(_ message: String) -> Never {
    let text = Array("SpateCrashChild: \(message)\n".utf8)
    _ = unsafe text.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
    exit(2)
  }
}
