import CSpate
import Synchronization

/// The store's second thread: prepares segments before they are needed, seals those that ended, warms and
/// returns memory.
///
/// Nothing here is on the way of a record, and everything here may block on the disk.
final class Housekeeper: Sendable {
  /// Something to do.
  enum Job: Sendable {
    case prepare(QueueCore, byteCount: UInt64)
    case seal(QueueCore, QueueWriter.WriteSegment, end: LogMark)
    case warm
  }

  private struct State {
    var jobs: [Job] = []
    /// Preparations that met a full disk, tried again from time to time.
    var postponed: [Job] = []
    var isStopping = false
  }

  private let state = Mutex(State())
  private let event = EventCount()
  private let pool: BufferPool

  init(pool: BufferPool) {
    self.pool = pool
  }

  /// Puts a job at the end of the list. Any thread, also with a ring's lock held.
  func request(_ job: Job) {
    state.withLock { $0.jobs.append(job) }
    event.signal()
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
      let (jobs, isStopping) = state.withLock { state in
        let jobs = state.jobs
        state.jobs.removeAll()
        return (jobs, state.isStopping)
      }
      for job in jobs { perform(job, isStopping: isStopping) }
      if jobs.isEmpty {
        if isStopping { return }
        rest(from: seen)
      }
    }
  }

  private func rest(from seen: UInt32) {
    let isPostponed = state.withLock { !$0.postponed.isEmpty }
    let pause: Int64 = isPostponed ? 250_000_000 : (pool.warmSlabCount > 0 ? 1_000_000_000 : -1)
    let deadline = pause < 0 ? -1 : Int64(spate_now_monotonic_ns()) + pause
    guard !event.wait(from: seen, until: deadline) else { return }
    state.withLock { state in
      state.jobs.append(contentsOf: state.postponed)
      state.postponed.removeAll()
    }
    // A second without any work: the spike is over.
    if !isPostponed { pool.cool(keeping: 0) }
  }

  private func perform(_ job: Job, isStopping: Bool) {
    switch job {
    case .prepare(let core, let byteCount):
      guard !isStopping else { return }
      do {
        try core.engine.prepareSegment(for: core, byteCount: byteCount)
      } catch {
        if error.mayPass {
          core.ring.refuse(.full(error))
          state.withLock { $0.postponed.append(job) }
        } else {
          core.fail(error)
        }
      }
    case .seal(let core, let segment, let end):
      core.engine.seal(segment, of: core, end: end)
    case .warm:
      pool.warm(upTo: BufferPool.warmReserve)
    }
  }
}
