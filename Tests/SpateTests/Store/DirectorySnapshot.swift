@testable import Spate

/// Everything below a directory: names, kinds, and the bytes of files.
struct DirectorySnapshot: Equatable {
  private(set) var entries: [String: [UInt8]?] = [:]

  init(_ path: String) throws {
    let storage = try SystemStorage(root: path, readOnly: true)
    try add(".", storage: storage)
  }

  /// Takes one file from another snapshot.
  mutating func replace(_ path: String, with other: DirectorySnapshot) { entries[path] = other.entries[path] }

  private mutating func add(_ directory: String, storage: SystemStorage) throws {
    for name in try storage.contents(ofDirectory: directory) {
      let path = directory + "/" + name
      switch try storage.kind(of: path) {
      case .file: entries[path] = try storage.bytes(of: path)
      case .directory:
        entries[path] = .some(nil)
        try add(path, storage: storage)
      default: entries[path] = .some(nil)
      }
    }
  }
}
