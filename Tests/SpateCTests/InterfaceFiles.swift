import Glibc

/// The hand-written files that the C interface consists of, as text.
enum InterfaceFiles {
  /// A file, by its path below the package's root.
  static func text(of path: String) throws -> String {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    guard let file = unsafe fopen("/\(root)/\(path)", "r") else { throw Missing(path: path) }
    defer { _ = unsafe fclose(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe fread(&piece, 1, piece.count, file)
      if count == 0 { break }
      bytes += piece.prefix(count)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  struct Missing: Error { let path: String }

  /// The header without its comments.
  static func declarations() throws -> String {
    let header = try text(of: "Sources/SpateC/include/spate.h")
    return header.replacing(#/\/\*(.|\n)*?\*\//#, with: "")
  }

  /// The names of the functions that the header declares.
  static func declaredFunctions() throws -> [String] {
    try declarations().matches(of: #/\n[a-z].*?(spate_\w+)\(/#).map { String($0.1) }
  }

  /// The names that the library exports.
  static func exportedNames() throws -> [String] {
    try text(of: "Sources/SpateC/libspate.map").matches(of: #/\n    (spate_\w+);/#).map { String($0.1) }
  }

  /// The constants of the header whose names begin with SPATE_, by name.
  static func constants() throws -> [String: Int] {
    let found = try declarations().matches(of: #/(SPATE_\w+) = (-?\d+)/#)
    return Dictionary(uniqueKeysWithValues: found.map { (String($0.1), Int($0.2)!) })
  }
}
