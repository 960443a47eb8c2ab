import Glibc
import Synchronization

@testable import Spate

/// Notes what one thread writes to the segments of a store itself, in the committer's place.
final class Witness: Sendable {
  private let thread: UInt
  private let written = Atomic<Int>(0)
  private let disturbing = Mutex<[String]>([])
  /// Whether the next write of the thread meets the limit of RLIMIT_FSIZE.
  let meetsSizeLimit = Atomic<Bool>(false)

  init(byThread thread: pthread_t) { self.thread = UInt(thread) }

  /// How many writes it made into the page cache.
  var writeCount: Int { written.load(ordering: .acquiring) }

  /// What could have come between while it wrote.
  var disturbances: [String] { disturbing.withLock { $0 } }

  /// Opens a store under observation.
  func open(_ scratch: IOScratch, _ way: IOWay? = nil) throws -> Store {
    var options = StoreOptions()
    options.ioStrategy = way?.strategy
    options.fileMode = way?.mode
    options.minimalSegmentByteCount = 256 << 10
    options.maximalSegmentByteCount = 256 << 10
    return try Store.open(at: scratch.path, options: options) { WitnessedStorage($0, witness: self) }
  }

  private var isThread: Bool { UInt(pthread_self()) == thread }

  /// Notes a write. Returns the errno that it ends with.
  fileprivate func noteWrite() -> Int32 {
    guard isThread else { return 0 }
    written.add(1, ordering: .releasing)
    noteDisturbances()
    guard meetsSizeLimit.exchange(false, ordering: .relaxed) else { return 0 }
    pthread_kill(pthread_self(), SIGXFSZ)
    return EFBIG
  }

  private func noteDisturbances() {
    var mask = sigset_t()
    unsafe pthread_sigmask(SIG_SETMASK, nil, &mask)
    if unsafe sigismember(&mask, SIGUSR1) != 1 { disturbing.withLock { $0.append("signals") } }
    var state: Int32 = 0
    unsafe pthread_setcancelstate(Int32(PTHREAD_CANCEL_DISABLE), &state)
    if state != PTHREAD_CANCEL_DISABLE { disturbing.withLock { $0.append("cancellation") } }
  }
}

private final class WitnessedStorage: ForwardingStorage {
  let base: any Storage
  private let witness: Witness

  init(_ base: any Storage, witness: Witness) {
    self.base = base
    self.witness = witness
  }

  func makeSubmissionQueue() throws(SpateError) -> any SubmissionQueue {
    WitnessedSubmissionQueue(try base.makeSubmissionQueue(), witness: witness)
  }
}

private final class WitnessedSubmissionQueue: SubmissionQueue {
  private let base: any SubmissionQueue
  private let witness: Witness
  private var failed: [IOCompletion] = []

  init(_ base: any SubmissionQueue, witness: Witness) {
    self.base = base
    self.witness = witness
  }

  var capacity: Int { base.capacity }
  var inFlightCount: Int { base.inFlightCount + failed.count }
  var writesAtOnce: Bool { base.writesAtOnce }

  func enqueueWrite(
    _ file: StorageFile,
    vectors: UnsafeBufferPointer<iovec>,
    at offset: UInt64,
    durably: Bool,
    token: UInt64
  ) {
    let error = witness.noteWrite()
    if error != 0 { return failed.append(IOCompletion(token: token, error: error)) }
    unsafe base.enqueueWrite(file, vectors: vectors, at: offset, durably: durably, token: token)
  }

  func enqueueSync(_ file: StorageFile, token: UInt64) { base.enqueueSync(file, token: token) }
  func submit() -> Int32 { base.submit() }

  func collect(into completions: UnsafeMutableBufferPointer<IOCompletion>, untilNanoseconds deadline: Int64)
    -> Int
  {
    unsafe base.collect(into: completions, untilNanoseconds: deadline)
  }

  func collectAtOnce(into completions: UnsafeMutableBufferPointer<IOCompletion>) -> Int {
    guard let last = failed.popLast() else { return unsafe base.collectAtOnce(into: completions) }
    unsafe completions[0] = last
    return 1
  }

  func waitForCompletion(untilNanoseconds deadline: Int64) {
    base.waitForCompletion(untilNanoseconds: deadline)
  }

  func close() { base.close() }
}
