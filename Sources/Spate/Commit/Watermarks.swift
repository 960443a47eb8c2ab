import CSpate
import Glibc
import Synchronization

/// How far a queue's log is written and durable, and who waits for it to get further.
///
/// Written by the committer only, read by any thread. Waiters are woken when their own place is
/// covered, not at each commit: waking all costs two fifths of the throughput with eight producers.
///
/// INVARIANT: durable <= written, both marks of frames' ends; each only grows, except by a truncation.
final class Watermarks: Sendable {
  /// What a wait is for.
  enum Kind: Int {
    case writtenPosition, durablePosition, durableSequence, writtenSequence

    /// Whether it ends with a sync.
    var isDurability: Bool { self == .durablePosition || self == .durableSequence }
  }

  private struct State {
    var durable: LogMark
    var written: LogMark
    var heaps = [WaitHeap](repeating: WaitHeap(), count: 4)
    var pooled: [Waiter] = []
    var failure: SpateError?
    /// When a thread's wait ended last, monotonic ns.
    var lastEndNanoseconds: UInt64 = 0
    /// The thread that waited last, and how often in a row.
    var lastThread: UInt = 0
    var runLength = 0

    /// Notes that a thread waits; whether it was the only one of late. Of several that wait in turn, one that spins takes the
    /// processor from those whom the last commit woke.
    mutating func isLoneLoop(of thread: UInt) -> Bool {
      runLength = lastThread == thread ? runLength &+ 1 : 0
      lastThread = thread
      return runLength >= 4
    }

    func reached(_ kind: Kind) -> UInt64 {
      switch kind {
      case .writtenPosition: written.position
      case .durablePosition: durable.position
      case .durableSequence: durable.sequence
      case .writtenSequence: written.sequence
      }
    }
  }

  /// A wait that begins so soon after one ended belongs to a closed loop.
  private static let tightNanoseconds: UInt64 = 20_000
  /// How long such a wait spins: longer than nearly every sync takes. One that gives up just before the end
  /// has to be woken, finds the committer asleep in turn, and pays for both: three times a sync. Never where
  /// there is one processor.
  private static let spinNanoseconds: UInt64 = sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1 ? 400_000 : 0

  private let state: Mutex<State>
  private let attendant: WaitAttendant?
  private let durablePositionWord: Atomic<UInt64>
  private let durableSequenceWord: Atomic<UInt64>
  private let writtenPositionWord: Atomic<UInt64>
  private let writtenSequenceWord: Atomic<UInt64>
  /// Signalled when a mark moved, for cursors.
  let advanced = EventCount()
  private let owner = OwnerProcess()

  init(at mark: LogMark, attendant: WaitAttendant? = nil) {
    self.attendant = attendant
    state = Mutex(State(durable: mark, written: mark))
    durablePositionWord = Atomic(mark.position)
    durableSequenceWord = Atomic(mark.sequence)
    writtenPositionWord = Atomic(mark.position)
    writtenSequenceWord = Atomic(mark.sequence)
  }

  /// Both coordinates of the durable mark, consistent with each other.
  var durable: LogMark { state.withLock { $0.durable } }

  /// Both coordinates of the written mark, consistent with each other.
  var written: LogMark { state.withLock { $0.written } }

  /// Everything before this position is durable.
  @inline(__always)
  var durablePosition: UInt64 {
    // ORDERING: acquire, pairs with the release in `advance`: what is durable is readable.
    durablePositionWord.load(ordering: .acquiring)
  }

  /// The sequence after the last durable record.
  @inline(__always)
  var durableSequence: UInt64 { durableSequenceWord.load(ordering: .acquiring) }

  /// The kernel has everything before this position.
  @inline(__always)
  var writtenPosition: UInt64 { writtenPositionWord.load(ordering: .acquiring) }

  /// The sequence after the last written record.
  @inline(__always)
  var writtenSequence: UInt64 { writtenSequenceWord.load(ordering: .acquiring) }

  /// Whether a wait for `target` would return at once.
  func isCovered(_ kind: Kind, _ target: UInt64) -> Bool { state.withLock { $0.reached(kind) >= target } }

  /// Whether somebody waits for something to become durable.
  var isDurabilityAwaited: Bool {
    state.withLock { state in
      !state.heaps[Kind.durablePosition.rawValue].isEmpty
        || !state.heaps[Kind.durableSequence.rawValue].isEmpty
    }
  }

  /// Why nothing more becomes durable, if so.
  var failure: SpateError? { state.withLock { $0.failure } }

  /// Moves the marks and appends the waiters that are covered now to `covered`; the caller completes them,
  /// outside any lock. Committer only.
  func advance(written: LogMark, durable: LogMark, covered: inout [Waiter]) {
    let moved = state.withLock { state in
      let moved = durable != state.durable || written != state.written
      state.written = written
      state.durable = durable
      // ORDERING: release, pairs with the acquiring loads above.
      durablePositionWord.store(durable.position, ordering: .releasing)
      durableSequenceWord.store(durable.sequence, ordering: .releasing)
      writtenPositionWord.store(written.position, ordering: .releasing)
      writtenSequenceWord.store(written.sequence, ordering: .releasing)
      for kind in [Kind.writtenPosition, .durablePosition, .durableSequence, .writtenSequence] {
        let reached = state.reached(kind)
        while let lowest = state.heaps[kind.rawValue].lowest, lowest <= reached {
          if let waiter = state.heaps[kind.rawValue].removeLowest() { covered.append(waiter) }
        }
      }
      return moved
    }
    if moved { advanced.signal() }
  }

  /// Sets both marks back to where the log was cut off. While nothing is published; nobody waits for what is
  /// gone: it was durable.
  func restart(at mark: LogMark) {
    state.withLock { state in
      state.written = mark
      state.durable = mark
      durablePositionWord.store(mark.position, ordering: .releasing)
      durableSequenceWord.store(mark.sequence, ordering: .releasing)
      writtenPositionWord.store(mark.position, ordering: .releasing)
      writtenSequenceWord.store(mark.sequence, ordering: .releasing)
    }
    advanced.signal()
  }

  /// Ends all waits with `failure`, now and later, for places that are not covered.
  func fail(_ failure: SpateError) {
    let waiters: [Waiter] = state.withLock { state in
      if state.failure == nil { state.failure = failure }
      var all: [Waiter] = []
      for index in state.heaps.indices {
        while let waiter = state.heaps[index].removeLowest() { all.append(waiter) }
      }
      return all
    }
    for waiter in waiters { waiter.complete(with: failure) }
    advanced.signal()
  }

  /// Blocks until `target` is covered. `deadline` is monotonic ns; negative: no limit.
  func wait(_ kind: Kind, for target: UInt64, until deadline: Int64) throws(SpateError) {
    try owner.check()
    if kind == .writtenPosition, deadline < 0 {
      attendant?.assist(self, until: target)
      if writtenPosition >= target { return }
    }
    let now = spate_now_monotonic_ns()
    var spinNanoseconds: UInt64 = 0
    let registered: Result<Waiter?, SpateError> = state.withLock { state in
      if state.reached(kind) >= target { return .success(nil) }
      if let failure = state.failure { return .failure(failure) }
      let waiter = state.pooled.popLast() ?? Waiter()
      waiter.reset(target: target)
      // One thread that does nothing but append and wait looks for the end itself: waking it up would take a
      // fifth as long as the sync.
      let isAlone = state.isLoneLoop(of: UInt(pthread_self())) && state.heaps.allSatisfy(\.isEmpty)
      if isAlone, now &- state.lastEndNanoseconds < Self.tightNanoseconds {
        spinNanoseconds = Self.spinNanoseconds
      }
      state.heaps[kind.rawValue].insert(waiter)
      return .success(waiter)
    }
    guard let waiter = try registered.get() else { return }
    attendant?.attend(kind)
    var isDone = waiter.sleep(until: deadline, spinNanoseconds: spinNanoseconds)
    if !isDone {
      let wasQueued = state.withLock { state in
        guard waiter.isQueued else { return false }
        state.heaps[kind.rawValue].remove(waiter)
        return true
      }
      // Somebody took it out of the heap and completes it now.
      if !wasQueued { isDone = waiter.sleep(until: -1) }
    }
    let failure = waiter.failure
    let end = spate_now_monotonic_ns()
    state.withLock { state in
      state.lastEndNanoseconds = end
      if state.pooled.count < 256 { state.pooled.append(waiter) }
    }
    if let failure { throw failure }
    if !isDone {
      throw SpateError(.timedOut, "the record was not covered before the deadline; it may be later")
    }
  }

  /// Suspends until `target` is covered. Cancelling the task ends the wait, not what is waited for.
  func wait(_ kind: Kind, for target: UInt64) async throws(SpateError) {
    let waiter = Waiter()
    let failure: SpateError? = await withTaskCancellationHandler {
      await unsafe withUnsafeContinuation { (continuation: UnsafeContinuation<SpateError?, Never>) in
        let early: SpateError?? = state.withLock { state in
          if state.reached(kind) >= target { return .some(nil) }
          if let failure = state.failure { return .some(failure) }
          if Task.isCancelled { return .some(Self.cancelled) }
          waiter.reset(target: target)
          unsafe waiter.continuation = continuation
          state.heaps[kind.rawValue].insert(waiter)
          return nil
        }
        guard let early else {
          attendant?.attend(kind)
          return
        }
        unsafe continuation.resume(returning: early)
      }
    } onCancel: {
      let wasQueued = state.withLock { state in
        guard waiter.isQueued else { return false }
        state.heaps[kind.rawValue].remove(waiter)
        return true
      }
      if wasQueued { waiter.complete(with: Self.cancelled) }
    }
    if let failure { throw failure }
  }

  private static var cancelled: SpateError {
    SpateError(.cancelled, "the waiting task was cancelled; what it waited for may still happen")
  }
}
