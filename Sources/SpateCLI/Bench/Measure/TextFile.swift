import Glibc

/// Small text files of the kernel.
enum TextFile {
  /// The whole file, or nothing when it cannot be read.
  static func read(_ path: String) -> String {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      let count = unsafe Glibc.read(file, &piece, piece.count)
      guard count > 0 else { break }
      text += piece[..<count]
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The number behind a word at the beginning of a line.
  static func number(of key: String, in path: String) -> UInt64? {
    for line in read(path).split(separator: "\n") where line.hasPrefix(key) {
      return line.dropFirst(key.count).split(whereSeparator: { $0 == " " || $0 == "\t" }).first
        .flatMap { UInt64($0) }
    }
    return nil
  }

  /// Writes a word; a kernel that refuses it is left alone.
  static func write(_ text: String, to path: String) {
    let file = unsafe open(path, O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    defer { close(file) }
    let bytes = Array(text.utf8)
    _ = unsafe Glibc.write(file, bytes, bytes.count)
  }
}
