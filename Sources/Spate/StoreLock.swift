import Glibc

/// The exclusive lock of a store's owner: an open-file-description lock on one file, which also says whose it
/// is.
final class StoreLock: Sendable {
  private let storage: any Storage
  private let file: StorageFile

  private init(storage: any Storage, file: StorageFile) {
    self.storage = storage
    self.file = file
  }

  /// Takes the lock, or throws `locked` with the owner's process if it can be known.
  static func acquire(of path: String, storage: any Storage) throws(SpateError) -> StoreLock {
    let name = StoreLayout.lockName
    let file: StorageFile
    if try storage.kind(of: name) == nil {
      do throws(SpateError) {
        file = try storage.open(name, .createNewBuffered)
      } catch {
        // Somebody else may have made it in between.
        guard try storage.kind(of: name) != nil else { throw error }
        return try acquire(of: path, storage: storage)
      }
    } else {
      file = try storage.open(name, .readWriteBuffered)
    }
    do throws(SpateError) {
      guard try storage.tryLock(file, exclusive: true) else {
        let owner = ownerText(storage: storage, file: file)
        throw SpateError(
          .locked,
          "the store is open in \(owner); close it there, or open it read-only here",
          path: path
        )
      }
      let text = Array("\(getpid())\n".utf8) + [UInt8](repeating: UInt8(ascii: " "), count: 16)
      try unsafe text.span.bytes.withUnsafeBytes { (bytes) throws(SpateError) in
        try unsafe storage.write(file, UnsafeRawBufferPointer(rebasing: bytes.prefix(16)), at: 0)
      }
    } catch {
      storage.close(file)
      throw error
    }
    return StoreLock(storage: storage, file: file)
  }

  private static func ownerText(storage: any Storage, file: StorageFile) -> String {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe (try? storage.read(file, into: buffer, at: 0)) ?? 0
    }
    let digits = bytes.prefix(count).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard let process = Int32(String(decoding: digits, as: UTF8.self)) else { return "another process" }
    return process == getpid() ? "this process (\(process))" : "process \(process)"
  }

  /// Gives the lock back: explicitly, since a child that was forked and has not yet executed holds a copy of the
  /// descriptor.
  func release() {
    storage.unlock(file)
    storage.close(file)
  }
}
