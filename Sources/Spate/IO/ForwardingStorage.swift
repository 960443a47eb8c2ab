/// A storage in front of another one, which does whatever it does not say itself.
protocol ForwardingStorage: Storage {
  /// The storage behind it.
  var base: any Storage { get }
}

extension ForwardingStorage {
  var description: StorageDescription { base.description }
  var failedSyncs: FailedSyncs { base.failedSyncs }
  var blockByteCount: Int { base.blockByteCount }

  func open(_ path: String, _ mode: OpenMode) throws(SpateError) -> StorageFile { try base.open(path, mode) }
  func close(_ file: StorageFile) { base.close(file) }
  func byteCount(of file: StorageFile) throws(SpateError) -> UInt64 { try base.byteCount(of: file) }

  func read(
    _ file: StorageFile,
    into buffer: UnsafeMutableRawBufferPointer,
    at offset: UInt64
  ) throws(SpateError) -> Int {
    try unsafe base.read(file, into: buffer, at: offset)
  }

  func write(_ file: StorageFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SpateError) {
    try unsafe base.write(file, bytes, at: offset)
  }

  func writeDurably(
    _ file: StorageFile,
    _ bytes: UnsafeRawBufferPointer,
    at offset: UInt64
  ) throws(SpateError) {
    try unsafe base.writeDurably(file, bytes, at: offset)
  }

  func sync(_ file: StorageFile) throws(SpateError) { try base.sync(file) }

  func allocate(_ file: StorageFile, byteCount: UInt64) throws(SpateError) {
    try base.allocate(file, byteCount: byteCount)
  }

  func tryLock(_ file: StorageFile, _ lock: FileLock) throws(SpateError) -> Bool {
    try base.tryLock(file, lock)
  }

  func unlock(_ file: StorageFile, _ lock: FileLock) { base.unlock(file, lock) }
  func lockHolder(_ file: StorageFile) -> Int32? { base.lockHolder(file) }
  func createDirectory(_ path: String) throws(SpateError) { try base.createDirectory(path) }

  func contents(ofDirectory path: String) throws(SpateError) -> [String] {
    try base.contents(ofDirectory: path)
  }

  func kind(of path: String) throws(SpateError) -> FileKind? { try base.kind(of: path) }
  func rename(_ from: String, to: String) throws(SpateError) { try base.rename(from, to: to) }
  func remove(_ path: String) throws(SpateError) { try base.remove(path) }
  func syncDirectory(_ path: String) throws(SpateError) { try base.syncDirectory(path) }
  func freeByteCount(at path: String) throws(SpateError) -> UInt64 { try base.freeByteCount(at: path) }

  func map(_ file: StorageFile, at offset: UInt64, byteCount: Int) throws(SpateError)
    -> UnsafeRawBufferPointer
  {
    try unsafe base.map(file, at: offset, byteCount: byteCount)
  }

  func unmap(_ region: UnsafeRawBufferPointer) { unsafe base.unmap(region) }

  func makeSubmissionQueue() throws(SpateError) -> any SubmissionQueue { try base.makeSubmissionQueue() }
}
