import Glibc
import Synchronization

@testable import Spate

/// A real disk that the test can hold up, fill and break. Any thread.
///
/// Only the committer's writes and syncs are concerned: what the housekeeper and recovery do goes through.
final class FaultyStorage: ForwardingStorage {
  /// The committer's operations.
  enum Operation: Hashable, Sendable {
    case write, sync
  }

  private struct State {
    var isStalled = false
    var errors: [Operation: Int32] = [:]
    /// Only files whose path holds this fail.
    var concerned = ""
    var paths: [Int32: String] = [:]
    var refusedCount = 0
    var step: (@Sendable (Step) -> Int32)?
    var listing: (@Sendable () -> Void)?
    var waitingCount = 0
  }

  let base: any Storage
  private let state = Mutex(State())
  private let changed = EventCount()
  private let committer = Atomic<UInt>(0)
  /// What is mapped.
  let mapped = MappedBytes()

  init(_ base: SystemStorage) { self.base = base }

  // MARK: What the test does

  /// Calls `body` before each step that anybody but the committer takes to change the directory; what it returns is
  /// the errno to fail with, or 0.
  func onEachStep(_ body: (@Sendable (Step) -> Int32)?) { state.withLock { $0.step = body } }

  /// Calls `body` once, before a directory is listed.
  func onNextListing(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.listing = body } }

  /// A change of the directory.
  enum Step: Sendable, Equatable {
    case make(String), allocate(String), write(String), sync(String), rename(String), remove(String)
    case syncDirectory(String)
  }

  private func take(_ step: Step, _ operation: SpateError.SystemOperation) throws(SpateError) {
    guard !isCommitter, let body = state.withLock({ $0.step }) else { return }
    let error = body(step)
    if error != 0 { throw .system(error, operation) }
  }

  private func path(of file: StorageFile) -> String { state.withLock { $0.paths[file.descriptor] ?? "" } }

  /// Holds the committer at its next write or sync until ``resume()``.
  func stall() { state.withLock { $0.isStalled = true } }

  /// Lets the committer go on.
  func resume() {
    state.withLock { $0.isStalled = false }
    changed.signal()
  }

  /// Lets these operations fail from now on, of files whose path holds `text`.
  func fail(_ operations: Set<Operation>, with number: Int32, pathsHolding text: String = "") {
    state.withLock { state in
      for operation in operations { state.errors[operation] = number }
      state.concerned = text
    }
  }

  /// Lets everything succeed again.
  func heal() { state.withLock { $0.errors = [:] } }

  /// How many operations were made to fail.
  var refusedCount: Int { state.withLock { $0.refusedCount } }

  /// Blocks until the committer stands at a stalled operation.
  func waitUntilHeld() {
    while true {
      let event = changed.current
      if state.withLock({ $0.waitingCount > 0 }) { return }
      _ = changed.wait(from: event, until: -1)
    }
  }

  /// Blocks until `count` operations were made to fail.
  func waitForRefusals(_ count: Int) {
    while true {
      let event = changed.current
      if refusedCount >= count { return }
      _ = changed.wait(from: event, until: -1)
    }
  }

  // MARK: What the committer meets

  /// Waits while stalled; then the errno to fail with, or 0.
  fileprivate func meet(_ operation: Operation, _ file: StorageFile) -> Int32 {
    state.withLock { $0.waitingCount += 1 }
    changed.signal()
    while true {
      let event = changed.current
      guard state.withLock({ $0.isStalled }) else { break }
      _ = changed.wait(from: event, until: -1)
    }
    let error = state.withLock { state in
      state.waitingCount -= 1
      guard let error = state.errors[operation],
        state.concerned.isEmpty || state.paths[file.descriptor]?.contains(state.concerned) == true
      else { return Int32(0) }
      state.refusedCount += 1
      return error
    }
    if error != 0 { changed.signal() }
    return error
  }

  private var isCommitter: Bool { committer.load(ordering: .relaxed) == UInt(pthread_self()) }

  func makeSubmissionQueue() throws(SpateError) -> any SubmissionQueue {
    committer.store(UInt(pthread_self()), ordering: .relaxed)
    return FaultySubmissionQueue(try base.makeSubmissionQueue(), storage: self)
  }

  func writeDurably(
    _ file: StorageFile,
    _ bytes: UnsafeRawBufferPointer,
    at offset: UInt64
  ) throws(SpateError) {
    // By the committer's thread, or one that commits in its place.
    let writeError = meet(.write, file)
    if writeError != 0 { throw .system(writeError, .write) }
    let syncError = meet(.sync, file)
    if syncError != 0 { throw .system(syncError, .sync) }
    try unsafe base.writeDurably(file, bytes, at: offset)
  }

  // MARK: What everybody else meets

  func open(_ path: String, _ mode: OpenMode) throws(SpateError) -> StorageFile {
    if mode == .createNew || mode == .createNewBuffered { try take(.make(path), .open) }
    let file = try base.open(path, mode)
    state.withLock { $0.paths[file.descriptor] = path }
    return file
  }

  func write(_ file: StorageFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SpateError) {
    try take(.write(path(of: file)), .write)
    try unsafe base.write(file, bytes, at: offset)
  }

  func sync(_ file: StorageFile) throws(SpateError) {
    try failedSyncs.counting { () throws(SpateError) in try take(.sync(path(of: file)), .sync) }
    try base.sync(file)
  }

  func allocate(_ file: StorageFile, byteCount: UInt64) throws(SpateError) {
    try take(.allocate(path(of: file)), .write)
    try base.allocate(file, byteCount: byteCount)
  }

  func contents(ofDirectory path: String) throws(SpateError) -> [String] {
    let body = state.withLock { state in
      defer { state.listing = nil }
      return state.listing
    }
    body?()
    return try base.contents(ofDirectory: path)
  }

  func rename(_ from: String, to: String) throws(SpateError) {
    try take(.rename(from), .rename)
    try base.rename(from, to: to)
  }

  func remove(_ path: String) throws(SpateError) {
    try take(.remove(path), .remove)
    try base.remove(path)
  }

  func syncDirectory(_ path: String) throws(SpateError) {
    try failedSyncs.counting { () throws(SpateError) in try take(.syncDirectory(path), .syncDirectory) }
    try base.syncDirectory(path)
  }

  func map(_ file: StorageFile, at offset: UInt64, byteCount: Int) throws(SpateError)
    -> UnsafeRawBufferPointer
  {
    let region = try unsafe base.map(file, at: offset, byteCount: byteCount)
    mapped.add(byteCount, at: offset)
    return unsafe region
  }

  func unmap(_ region: UnsafeRawBufferPointer) {
    mapped.add(-region.count)
    unsafe base.unmap(region)
  }
}

/// The committer's queue on a ``FaultyStorage``: an operation that is to fail never reaches the kernel.
final class FaultySubmissionQueue: SubmissionQueue {
  private let real: any SubmissionQueue
  private let storage: FaultyStorage
  private var failed: [IOCompletion] = []

  init(_ real: any SubmissionQueue, storage: FaultyStorage) {
    self.real = real
    self.storage = storage
  }

  var capacity: Int { real.capacity }
  var writesAtOnce: Bool { real.writesAtOnce }
  var inFlightCount: Int { real.inFlightCount + failed.count }

  func enqueueWrite(
    _ file: StorageFile,
    vectors: UnsafeBufferPointer<iovec>,
    at offset: UInt64,
    durably: Bool,
    token: UInt64
  ) {
    var error = storage.meet(.write, file)
    if error == 0, durably { error = storage.meet(.sync, file) }
    if error != 0 { return failed.append(IOCompletion(token: token, error: error)) }
    unsafe real.enqueueWrite(file, vectors: vectors, at: offset, durably: durably, token: token)
  }

  func enqueueSync(_ file: StorageFile, token: UInt64) {
    let error = storage.meet(.sync, file)
    if error != 0 { return failed.append(IOCompletion(token: token, error: error)) }
    real.enqueueSync(file, token: token)
  }

  func submit() -> Int32 { real.submit() }

  func collect(
    into completions: UnsafeMutableBufferPointer<IOCompletion>,
    untilNanoseconds deadline: Int64
  ) -> Int {
    unsafe takeFailed(into: completions) ?? real.collect(into: completions, untilNanoseconds: deadline)
  }

  func collectAtOnce(into completions: UnsafeMutableBufferPointer<IOCompletion>) -> Int {
    unsafe takeFailed(into: completions) ?? real.collectAtOnce(into: completions)
  }

  func waitForCompletion(untilNanoseconds deadline: Int64) {
    // Without a look at `failed`, which may be another thread's now.
    real.waitForCompletion(untilNanoseconds: deadline)
  }

  private func takeFailed(into completions: UnsafeMutableBufferPointer<IOCompletion>) -> Int? {
    guard !failed.isEmpty else { return nil }
    let count = min(failed.count, completions.count)
    for index in 0..<count { unsafe completions[index] = failed[index] }
    failed.removeFirst(count)
    return count
  }

  func close() { real.close() }
}
