import Glibc

@testable import Spate

/// A copy of a store's directory as it stands while its owner goes on: what a kill at this moment leaves.
final class StoreCopy {
  let scratch = IOScratch()
  private(set) var store: Store?

  /// Copies everything below `path`.
  init(of path: String) throws {
    let storage = try SystemStorage(root: path, readOnly: true)
    try Self.copy(".", from: storage, at: path, to: scratch.path)
  }

  deinit { try? store?.close() }

  /// Opens the copy.
  func open(_ options: StoreOptions = StoreOptions()) throws -> Store {
    try? store?.close()
    let opened = try Store.open(at: scratch.path, options: options)
    store = opened
    return opened
  }

  /// Changes the bytes of a file of the copy.
  func edit(_ file: String, _ body: (inout [UInt8]) -> Void) throws {
    let storage = try SystemStorage(root: scratch.path, readOnly: true)
    var bytes = try storage.bytes(of: file)
    body(&bytes)
    try Self.write(bytes, to: scratch.path + "/" + file)
  }

  /// The bytes of a file of the copy.
  func bytes(of file: String) throws -> [UInt8] {
    try SystemStorage(root: scratch.path, readOnly: true).bytes(of: file)
  }

  /// Takes a file of the copy away.
  func remove(_ file: String) { unsafe unlink(scratch.path + "/" + file) }

  private static func copy(
    _ directory: String,
    from storage: SystemStorage,
    at path: String,
    to target: String
  )
    throws
  {
    for name in try storage.contents(ofDirectory: directory) {
      let file = directory + "/" + name
      switch try storage.kind(of: file) {
      case .directory:
        unsafe mkdir(target + "/" + file, 0o777)
        try copy(file, from: storage, at: path, to: target)
      case .file:
        do {
          try write(try storage.bytes(of: file), to: target + "/" + file)
        } catch let error as SpateError where error.code == .notFound {
          // A file that was just being prepared has its name now: a kill might have come before that, too.
        }
      default: break
      }
    }
  }

  private static func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = unsafe Glibc.open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o666)
    defer { close(descriptor) }
    var offset = 0
    while offset < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress! + offset, bytes.count - offset)
      }
      guard count > 0 else { throw SpateError(.ioFailed, "the copy failed", systemErrorNumber: errno) }
      offset += count
    }
  }
}

extension Queue {
  /// The sequences that a named cursor delivers from its place on, without acknowledging them.
  func delivered(to name: String, createsIfMissing: Bool = false) throws -> [UInt64] {
    var options = NamedCursorOptions()
    options.createsIfMissing = createsIfMissing
    var cursor = try openCursor(name, options: options)
    var sequences: [UInt64] = []
    while let record = try cursor.next() { sequences.append(record.sequence) }
    return sequences
  }

  /// Opens a named cursor from a test that is no asynchronous context, whatever surrounds it.
  func openCursor(
    _ name: String,
    from start: StartPosition = .earliest,
    options: NamedCursorOptions = NamedCursorOptions()
  ) throws(SpateError) -> NamedCursor {
    try cursor(named: name, from: start, options: options)
  }
}
