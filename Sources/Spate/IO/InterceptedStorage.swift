import Glibc

/// A storage that asks somebody before each write and sync, who may sleep or refuse: a disk that stalls or fails.
///
/// For fault injection by benchmarks and tests; everything else goes straight to the storage behind it.
final class InterceptedStorage: Storage {
  private let base: any Storage
  private let intercept: @Sendable (IOFault.Operation) -> Int32

  /// Wraps `base`. `intercept` returns 0 to go on, or the errno to fail with; it is called on the thread that asks the disk.
  init(_ base: any Storage, intercept: @escaping @Sendable (IOFault.Operation) -> Int32) {
    self.base = base
    self.intercept = intercept
  }

  private func check(
    _ operation: IOFault.Operation,
    _ failure: SpateError.SystemOperation
  ) throws(SpateError) {
    let error = intercept(operation)
    if error != 0 { throw SpateError.system(error, failure) }
  }

  func write(_ file: StorageFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SpateError) {
    try check(.write, .write)
    try unsafe base.write(file, bytes, at: offset)
  }

  func writeDurably(
    _ file: StorageFile,
    _ bytes: UnsafeRawBufferPointer,
    at offset: UInt64
  ) throws(SpateError) {
    try check(.write, .write)
    try check(.sync, .sync)
    try unsafe base.writeDurably(file, bytes, at: offset)
  }

  func sync(_ file: StorageFile) throws(SpateError) {
    try failedSyncs.counting { () throws(SpateError) in try check(.sync, .sync) }
    try base.sync(file)
  }

  func makeSubmissionQueue() throws(SpateError) -> any SubmissionQueue {
    InterceptedSubmissionQueue(try base.makeSubmissionQueue(), intercept: intercept)
  }

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
}

/// The asynchronous half of an ``InterceptedStorage``.
private final class InterceptedSubmissionQueue: SubmissionQueue {
  private let base: any SubmissionQueue
  private let intercept: @Sendable (IOFault.Operation) -> Int32
  private var failed: [IOCompletion] = []

  init(_ base: any SubmissionQueue, intercept: @escaping @Sendable (IOFault.Operation) -> Int32) {
    self.base = base
    self.intercept = intercept
  }

  var capacity: Int { base.capacity }
  var inFlightCount: Int { base.inFlightCount + failed.count }

  func enqueueWrite(
    _ file: StorageFile,
    vectors: UnsafeBufferPointer<iovec>,
    at offset: UInt64,
    durably: Bool,
    token: UInt64
  ) {
    var error = intercept(.write)
    if error == 0, durably { error = intercept(.sync) }
    guard error == 0 else { return failed.append(IOCompletion(token: token, error: error)) }
    unsafe base.enqueueWrite(file, vectors: vectors, at: offset, durably: durably, token: token)
  }

  func enqueueSync(_ file: StorageFile, token: UInt64) {
    let error = intercept(.sync)
    guard error == 0 else { return failed.append(IOCompletion(token: token, error: error)) }
    base.enqueueSync(file, token: token)
  }

  func submit() -> Int32 { base.submit() }

  func collect(into completions: UnsafeMutableBufferPointer<IOCompletion>, untilNanoseconds deadline: Int64)
    -> Int
  {
    guard !failed.isEmpty else { return unsafe base.collect(into: completions, untilNanoseconds: deadline) }
    let count = min(failed.count, completions.count)
    for index in 0..<count { unsafe completions[index] = failed[index] }
    failed.removeFirst(count)
    return count
  }

  func close() { base.close() }
}
