import CSpate
import Glibc
import Synchronization

/// The one writer of a store: drains the rings of all its queues, writes and syncs them together, and wakes
/// who waited.
///
/// A state machine of rounds, stepped by who has the turn: its own thread, for a round a thread that waits
/// (``assist(_:until:)``), or a simulation. Only ``enqueue(_:)``, ``perform(_:)``, ``wake()``, ``stop()``,
/// ``assist(_:until:)`` and ``attend(_:syncsOnDemand:)`` may be called by others.
///
/// One round: take queues that became ready, collect completions, drain, submit writes and syncs, and only
/// then wake waiters: the next group travels while those of the last one are told.
@safe
final class Committer: @unchecked Sendable {
  // SAFETY: everything but the lists under their locks, the atomics and constants is touched by the holder of
  // `commitTurn` only.
  static let lightLimit: UInt64 = 64 << 10
  static let slotCount = 256
  static let inFlightByteLimit = 8 << 20

  let storage: any Storage
  let failedSyncs: FailedSyncs
  let pool: BufferPool
  let clock: StoreClock
  private let page: SharedPage?
  let commitSignals: CommitSignalBox
  /// How many bytes of durable chunks all queues together keep for cursors near the tail, what cursors alone hold
  /// included: producers always have the rest of the budget. A cursor whose thread
  /// waits for a processor for a few milliseconds at full speed then still finds its place in the ring; less, and
  /// it falls behind to the disk and slows the writer.
  let tailCacheByteCount: Int
  private(set) var submission: (any SubmissionQueue)?
  /// Whether that makes writes at once.
  private(set) var writesAtOnce = false
  private let ready = Mutex<[QueueCore]>([])
  private let commands = Mutex<[Command]>([])
  let hasReady = Atomic<Bool>(false)
  let isStopping = Atomic<Bool>(false)
  /// Whether the last turn was taken.
  let hasEnded = Atomic<Bool>(false)
  let parked = FutexWord()
  let commitTurn = CommitTurn()
  /// Whether the committer's thread sleeps now and then without being told of publishes: who waits and does not commit for
  /// itself must call.
  let mustBeCalled = Atomic<Bool>(false)
  let isCalled = Atomic<Bool>(false)
  /// Whether the committer's thread waits for another one to leave the turn.
  let isTurnWanted = Atomic<Bool>(false)
  /// How many turns other threads took since the committer's own looked last.
  let assistCount = Atomic<Int>(0)
  /// From when on others may take turns, monotonic ns; 0 when they may.
  var assistingBegins: UInt64 = 0

  private let activeValue = TurnValue<[QueueWriter]>([])
  /// Queues that went idle and keep chunks for cursors; some may be active again.
  private(set) var resting: [QueueWriter] = []
  /// Bytes of durable chunks that all queues together keep for cursors.
  private(set) var keptByteCount = 0
  let slots = ExtentSlots(capacity: slotCount)
  let freeSlots = TurnValue<[Int]>([])
  let completions: UnsafeMutableBufferPointer<IOCompletion>
  var light: AlignedBuffer
  let zeros: ZeroBytes
  var covered: [Waiter] = []
  /// Whether a queue's durable mark moved in this round.
  var hasAdvanced = false
  /// Whether a queue's written mark moved in this round.
  var hasWritten = false
  /// What to do after such a round. Set before the committer begins.
  var onWritten: (() -> Void)?
  var inFlightByteCount = 0
  /// Whether the kernel refused a write in the turn of a thread that waits.
  var hasRefusedWrite = false
  /// When something moved last, monotonic ns.
  var lastWorkNanoseconds: UInt64 = 0
  /// For how long after that to look before sleeping.
  var spinLimitNanoseconds = spinNanoseconds
  static let spinNanoseconds: UInt64 = 20_000
  let statistics = CommitStatistics()
  var needsSubmit = false
  var roundCount: UInt64 = 0
  var seenFailedSyncCount = 0
  /// Why there is no submission queue: nothing can be written then.
  private var startFailure: SpateError?

  init(
    storage: any Storage,
    pool: BufferPool,
    clock: StoreClock,
    page: SharedPage? = nil,
    commitSignals: CommitSignalBox = CommitSignalBox(),
    tailCacheByteCount: Int
  ) throws(SpateError) {
    self.storage = storage
    self.pool = pool
    self.clock = clock
    self.page = page
    self.commitSignals = commitSignals
    self.tailCacheByteCount = tailCacheByteCount
    failedSyncs = storage.failedSyncs
    seenFailedSyncCount = failedSyncs.count
    light = try AlignedBuffer(
      byteCount: Int(Self.lightLimit) + 2 * storage.blockByteCount + QueueWriter.freshPieceByteCount,
      alignment: storage.blockByteCount
    )
    zeros = try ZeroBytes(byteCount: QueueWriter.freshPieceByteCount)
    unsafe completions = .allocate(capacity: Self.slotCount)
  }

  deinit {
    slots.destroy()
    freeSlots.destroy()
    activeValue.destroy()
    light.free()
    zeros.free()
    unsafe completions.deallocate()
    parked.destroy()
  }

  /// The queues that may have something to do.
  var active: [QueueWriter] {
    @inline(__always)
    _read { yield activeValue.value }
    @inline(__always)
    _modify { yield &activeValue.value }
  }

  // MARK: Called by any thread

  /// Puts a queue on the ready list and wakes the committer. Called by who cleared the queue's idle bit, so
  /// once at a time.
  func enqueue(_ core: QueueCore) {
    ready.withLock { $0.append(core) }
    // ORDERING: sequentially consistent with `park`: either the committer sees the flag or we see it parked.
    hasReady.store(true, ordering: .sequentiallyConsistent)
    wake()
  }

  /// Runs `body` between two rounds, on the committer's thread or one that takes its turn, and waits until it is done. Not while the
  /// committer stops.
  func perform(_ body: @escaping @Sendable () -> Void) {
    let done = FutexWord()
    defer { done.destroy() }
    commands.withLock { $0.append(Command(body: body, done: done)) }
    hasReady.store(true, ordering: .sequentiallyConsistent)
    wake()
    while done.load() == 0 { _ = unsafe spate_futex_wait(done.address, 0, -1) }
  }

  private struct Command {
    let body: @Sendable () -> Void
    let done: FutexWord
  }

  /// Wakes the committer if it sleeps.
  func wake() {
    if parked.exchange(0) != 0 {
      _ = unsafe spate_futex_wake(parked.address, 1)
    }
  }

  /// Makes ``run()`` return once everything that was published is durable or failed.
  func stop() {
    isStopping.store(true, ordering: .sequentiallyConsistent)
    wake()
  }

  // MARK: With the turn

  /// What a step came to.
  enum Turn {
    /// Something moved.
    case worked
    /// Nothing moved; writes or syncs are in flight.
    case waiting
    /// There is nothing to do now.
    case quiet
    /// The committer was stopped and everything is settled.
    case ended
  }

  /// One step, which never sleeps: ``run()`` makes one after the other, a simulation when it likes.
  func turn() -> Turn {
    if round() { return .worked }
    if isAnythingInFlight { return .waiting }
    guard isStopping.load(ordering: .acquiring), !hasReady.load(ordering: .acquiring),
      active.allSatisfy(\.isSettled)
    else { return .quiet }
    submission?.close()
    hasEnded.store(true, ordering: .releasing)
    return .ended
  }

  /// Makes the queue that writes travel by; before the first round, on the committer's thread.
  func begin() {
    do {
      submission = try storage.makeSubmissionQueue()
      writesAtOnce = submission?.writesAtOnce == true
    } catch {
      startFailure = error
    }
  }

  var isAnythingInFlight: Bool { (submission?.inFlightCount ?? 0) > 0 }

  /// One round without waiting. Returns whether anything moved.
  @discardableResult
  func round() -> Bool {
    beginRound()
    var moved = collect(until: 0) > 0
    if drainActive() { moved = true }
    if commitLight() { moved = true }
    if submitAll() { moved = true }
    if needsSubmit {
      needsSubmit = false
      if let error = submission?.submit(), error != 0 { failAll(errno: error) }
    }
    wakeCovered()
    endRound()
    return moved
  }

  /// What comes before anything is drained.
  func beginRound() {
    clock.refresh()
    takeReady()
    failAfterForeignSync()
  }

  /// Drains all queues that may have something. Returns whether one had.
  func drainActive() -> Bool {
    var moved = false
    // By index: an array that is iterated is retained.
    for index in active.indices {
      let writer = active[index]
      guard writer.drain() else { continue }
      moved = true
      // Acknowledgements travel with what is committed anyway.
      if writer.core.named.hasChanges {
        writer.core.named.ride()
        _ = writer.drain()
      }
    }
    return moved
  }

  /// What follows when everything was handed to the kernel, and who waited was told.
  func endRound() {
    reclaim()
    notifyStarving()
    roundCount &+= 1
    // Under load there is no rest in which quiet queues go idle; without this each round would visit them
    // all.
    if roundCount & 1023 == 0, active.count > 16 { _ = settle() }
  }

  private func takeReady() {
    guard hasReady.load(ordering: .acquiring) else { return }
    hasReady.store(false, ordering: .sequentiallyConsistent)
    let cores = ready.withLock { ready in
      let all = ready
      ready.removeAll(keepingCapacity: true)
      return all
    }
    for core in cores where !core.writer.isActive && !core.writer.isReleased {
      core.writer.isActive = true
      active.append(core.writer)
      if let startFailure { core.writer.fail(startFailure) }
    }
    let waiting = commands.withLock { commands in
      let all = commands
      commands.removeAll()
      return all
    }
    for command in waiting {
      command.body()
      command.done.set(1)
      _ = unsafe spate_futex_wake(command.done.address, 1)
    }
  }

  /// Tells whoever waited for what this round brought about.
  func wakeCovered() {
    announce()
    guard !covered.isEmpty else { return }
    for waiter in covered { waiter.complete(with: nil) }
    covered.removeAll(keepingCapacity: true)
  }

  /// Those who are covered and were not told yet; the caller tells them.
  func takeCovered() -> [Waiter] {
    guard !covered.isEmpty else { return [] }
    let all = covered
    covered = []
    return all
  }

  /// Tells those who follow the marks from outside: other processes, and whoever watches for commits.
  func announce() {
    if hasAdvanced {
      hasAdvanced = false
      page?.signal()
      commitSignals.current?.fire()
    }
    if hasWritten {
      hasWritten = false
      onWritten?()
    }
  }

  /// Gives the memory of durable chunks back, but for what cursors near the tail read.
  private func reclaim() {
    let limit = tailCacheByteCount - min(tailCacheByteCount, pool.lentByteCount)
    for index in active.indices {
      let writer = active[index]
      let others = keptByteCount - writer.keptByteCount
      writer.reclaim(keepingAtMost: max(0, limit - others))
      keptByteCount = others + writer.keptByteCount
    }
    // Queues that rest make room for those that work.
    while keptByteCount > limit / 4 * 3, let writer = resting.popLast() {
      writer.isListedAsKeeper = false
      guard !writer.isActive else { continue }
      keptByteCount -= writer.keptByteCount
      writer.reclaim(keepingAtMost: 0)
      keptByteCount += writer.keptByteCount
    }
  }

  /// Takes a queue that was dropped off the books: from here on its core may go. This thread only.
  func forget(_ writer: QueueWriter) {
    active.removeAll { $0 === writer }
    resting.removeAll { $0 === writer }
    keptByteCount -= writer.keptByteCount
    writer.keptByteCount = 0
  }

  private func notifyStarving() {
    for waiter in pool.takeStarving() { waiter.memoryWasFreed() }
  }

  /// Lets the queues that have nothing to do go idle: their next publish tells us. Returns whether one of
  /// them had something after all.
  ///
  /// ORDERING: the bits are set, then a membarrier runs in every producer, then the stamps are looked at once
  /// more: a publish either comes before the barrier and is seen here, or sees the bit.
  func settle() -> Bool {
    guard !active.isEmpty else { return false }
    // Looked at once: whether a sync is wanted may change meanwhile, and only who has the bit may rest.
    for writer in active {
      writer.isResting = writer.isQuiet
      if writer.isResting { writer.core.setIdle() }
    }
    if !Ring.publishesWithBarrier { _ = spate_membarrier() }
    var found = false
    for writer in active where writer.isResting {
      if writer.drain() {
        found = true
        // Whoever cleared the bit first keeps the queue: we, or a producer that put it on the ready list.
        _ = writer.core.clearIdle()
      } else if writer.isSettled, !writer.drainIsBlocked {
        writer.isActive = false
        if writer.keptByteCount > 0, !writer.isListedAsKeeper {
          writer.isListedAsKeeper = true
          resting.append(writer)
        }
        if writer.core.engine.holdsManyFiles { writer.closeFiles() }
      }
    }
    active.removeAll { !$0.isActive }
    return found
  }
}
