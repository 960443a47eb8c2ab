import CSpate
import Synchronization

/// The store's second thread: prepares segments before they are needed, seals those that ended, warms and
/// returns memory.
///
/// Nothing here is on the way of a record, and everything here may block on the disk.
final class Housekeeper: Sendable {
  /// Something to do.
  enum Job: Sendable {
    /// A segment file of this size, or of another one down to the smaller size.
    case prepare(QueueCore, byteCount: UInt64, atLeast: UInt64)
    case seal(QueueCore, QueueWriter.WriteSegment, end: LogMark)
    case warm
    /// What is left of queues that were dropped.
    case sweep(any Storage)
  }

  private struct State {
    var jobs: [Job] = []
    /// Preparations that met a full disk, tried again from time to time.
    var postponed: [Job] = []
    var postponedUntil: UInt64 = 0
    var isStopping = false
    /// Whether nobody will do a job any more. Jobs name queues, which keep their store alive.
    var isOver = false
    var lastWorkNanoseconds = spate_now_monotonic_ns()
    /// When the store's directory is looked at; nil when nobody asked for it.
    var lookNanoseconds: UInt64?
  }

  private static let retryNanoseconds: UInt64 = 250_000_000
  private static let coolingNanoseconds: UInt64 = 1_000_000_000

  private let state = Mutex(State())
  private let event = EventCount()
  private let pool: BufferPool
  private let timers = TimerList()
  private let watch: StoreWatch?
  private let openQueues: OpenQueues
  /// Whether the last turn was taken.
  let hasEnded = Atomic<Bool>(false)

  init(pool: BufferPool, watch: StoreWatch?, openQueues: OpenQueues) {
    self.pool = pool
    self.watch = watch
    self.openQueues = openQueues
  }

  /// Puts a job at the end of the list, unless all is over. Any thread, also with a ring's lock held.
  func request(_ job: Job) {
    state.withLock { if !$0.isOver { $0.jobs.append(job) } }
    event.signal()
  }

  /// Asks for a look at a queue's acknowledgements and retention in so many nanoseconds. Any thread.
  func schedule(_ core: QueueCore, after nanoseconds: UInt64) {
    if timers.schedule(core, after: nanoseconds) { event.signal() }
  }

  /// Asks for a look at the store's directory a while from now. Any thread.
  func lookSoon() {
    state.withLock { $0.lookNanoseconds = spate_now_monotonic_ns() &+ StoreWatch.delayNanoseconds }
    event.signal()
  }

  /// Looks whether the store is still there, if that is due. Where it is not, all its queues fail: nothing more is
  /// acknowledged that nobody could find again.
  private func lookIfDue() {
    guard let watch else { return }
    let isDue = state.withLock { state in
      guard let time = state.lookNanoseconds, spate_now_monotonic_ns() >= time else { return false }
      state.lookNanoseconds = nil
      return true
    }
    guard isDue, let loss = watch.look() else { return }
    for core in openQueues.all { core.fail(loss) }
  }

  /// Makes ``run()`` return after the jobs that are listed now.
  func stop() {
    state.withLock { $0.isStopping = true }
    event.signal()
  }

  /// Works until stopped. On the housekeeper's own thread.
  func run() {
    while true {
      let seen = event.current
      switch turn() {
      case .worked: continue
      case .quiet(let coolingTime): rest(from: seen, coolingAt: coolingTime)
      case .ended: return
      }
    }
  }

  /// What a turn of the loop came to.
  enum Turn {
    /// There was something to do.
    case worked
    /// Nothing is listed or due; memory is given back at that time, monotonic ns.
    case quiet(coolingAt: UInt64)
    /// The housekeeper was stopped and has done what was listed.
    case ended
  }

  /// Does what is listed and due now: ``run()`` takes one turn after the other, a simulation when it likes.
  func turn() -> Turn {
    lookIfDue()
    let (jobs, isStopping) = takeJobs()
    for job in jobs { perform(job, isStopping: isStopping) }
    let due = isStopping ? [] : timers.takeDue()
    for core in due { core.tick() }
    let now = spate_now_monotonic_ns()
    let lastWorkNanoseconds = state.withLock { state in
      if !jobs.isEmpty { state.lastWorkNanoseconds = now }
      return state.lastWorkNanoseconds
    }
    guard jobs.isEmpty, due.isEmpty else { return .worked }
    if isStopping {
      guard end() else { return .worked }
      hasEnded.store(true, ordering: .releasing)
      return .ended
    }
    // A second without any work: the spike is over.
    if now &- lastWorkNanoseconds >= Self.coolingNanoseconds { pool.cool(keeping: 0) }
    return .quiet(coolingAt: lastWorkNanoseconds &+ Self.coolingNanoseconds)
  }

  /// Forgets what waits for a disk that has room, and takes nothing more. False when there is a job to do yet.
  private func end() -> Bool {
    timers.close()
    return state.withLock { state in
      guard state.jobs.isEmpty else { return false }
      state.isOver = true
      state.postponed.removeAll()
      return true
    }
  }

  /// The jobs that are listed, and those whose time to be tried again has come.
  private func takeJobs() -> (jobs: [Job], isStopping: Bool) {
    state.withLock { state in
      var jobs = state.jobs
      state.jobs.removeAll()
      if !state.postponed.isEmpty, spate_now_monotonic_ns() >= state.postponedUntil {
        jobs += state.postponed
        state.postponed.removeAll()
      }
      return (jobs, state.isStopping)
    }
  }

  /// Sleeps until something is asked for or due.
  private func rest(from seen: UInt32, coolingAt coolingTime: UInt64) {
    let (postponed, look) = state.withLock { state in
      (state.postponed.isEmpty ? nil : state.postponedUntil, state.lookNanoseconds)
    }
    let cooling = pool.warmSlabCount > 0 ? coolingTime : nil
    let deadline = [postponed, look, cooling, timers.nextDeadline].compactMap { $0 }.min()
    _ = event.wait(from: seen, until: deadline.map { Int64(clamping: $0) } ?? -1)
  }

  private func postpone(_ job: Job) {
    state.withLock { state in
      if state.postponed.isEmpty { state.postponedUntil = spate_now_monotonic_ns() &+ Self.retryNanoseconds }
      state.postponed.append(job)
    }
  }

  private func perform(_ job: Job, isStopping: Bool) {
    switch job {
    case .prepare(let core, let byteCount, let minimum):
      guard !isStopping, !core.isDropped else { return }
      do {
        try core.engine.prepareSegment(for: core, byteCount: byteCount, atLeast: minimum)
      } catch {
        if error.mayPass {
          core.ring.noteMissingSegment(error)
          postpone(job)
        } else {
          core.fail(error)
        }
      }
    case .seal(let core, let segment, let end):
      core.engine.seal(segment, of: core, end: end)
    case .sweep(let storage):
      if !isStopping { storage.removeDroppedQueues() }
    case .warm:
      pool.warm(upTo: BufferPool.warmReserve)
    }
  }
}
