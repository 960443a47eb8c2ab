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
  ///
  /// - Parameter page: what readers in other processes look at: the lock's file tells them where it is.
  static func acquire(of path: String, storage: any Storage, page: SharedPage? = nil) throws(SpateError)
    -> StoreLock
  {
    let name = StoreLayout.lockName
    let file: StorageFile
    if try storage.kind(of: name) == nil {
      do throws(SpateError) {
        file = try storage.open(name, .createNewBuffered)
      } catch {
        // Somebody else may have made it in between.
        guard try storage.kind(of: name) != nil else { throw error }
        return try acquire(of: path, storage: storage, page: page)
      }
    } else {
      file = try storage.open(name, .readWriteBuffered)
    }
    do throws(SpateError) {
      guard try storage.tryLock(file, .writing) else {
        let owner = ownerText(storage: storage, file: file)
        throw SpateError(
          .locked,
          "the store is open in \(owner); close it there, or open it read-only here",
          path: path
        )
      }
      let owner = StoreOwner(
        process: getpid(),
        pageDescriptor: page?.descriptor ?? -1,
        instance: .drawn(from: 0...UInt64.max)
      )
      try unsafe owner.encoded.span.bytes.withUnsafeBytes { (bytes) throws(SpateError) in
        try unsafe storage.write(file, bytes, at: 0)
      }
    } catch {
      storage.close(file)
      throw error
    }
    return StoreLock(storage: storage, file: file)
  }

  private static func ownerText(storage: any Storage, file: StorageFile) -> String {
    guard let owner = StoreOwner(readFrom: file, storage: storage) else { return "another process" }
    return owner.process == getpid() ? "this process (\(owner.process))" : "process \(owner.process)"
  }

  /// Gives the lock back: explicitly, since a child that was forked and has not yet executed holds a copy of the
  /// descriptor.
  func release() {
    storage.unlock(file, .writing)
    storage.close(file)
  }
}
