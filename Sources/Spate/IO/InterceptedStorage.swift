import Glibc

/// A storage that asks somebody before each write and sync, who may sleep or refuse: a disk that stalls or fails.
///
/// For fault injection by benchmarks and tests; everything else is forwarded.
final class InterceptedStorage: ForwardingStorage {
  let base: any Storage
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
  var writesAtOnce: Bool { base.writesAtOnce }
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
    unsafe takeFailed(into: completions) ?? base.collect(into: completions, untilNanoseconds: deadline)
  }

  func collectAtOnce(into completions: UnsafeMutableBufferPointer<IOCompletion>) -> Int {
    unsafe takeFailed(into: completions) ?? base.collectAtOnce(into: completions)
  }

  func waitForCompletion(untilNanoseconds deadline: Int64) {
    // Without a look at `failed`, which may be another thread's now.
    base.waitForCompletion(untilNanoseconds: deadline)
  }

  private func takeFailed(into completions: UnsafeMutableBufferPointer<IOCompletion>) -> Int? {
    guard !failed.isEmpty else { return nil }
    let count = min(failed.count, completions.count)
    for index in 0..<count { unsafe completions[index] = failed[index] }
    failed.removeFirst(count)
    return count
  }

  func close() { base.close() }
}
