import CSpate
import Glibc
import Synchronization

/// A thread that reads the disk for tasks, so that no thread of the cooperative pool waits for it.
///
/// Started with the first read, ended after a second without one: a store whose asynchronous consumers stay
/// near the tail has none. Any thread or task may ask.
final class DiskReader: Sendable {
  private static let idleNanoseconds: Int64 = 1_000_000_000

  private struct State {
    var jobs: [@Sendable () -> Void] = []
    var isRunning = false

    mutating func takeJobs() -> [@Sendable () -> Void] {
      let taken = jobs
      jobs = []
      return taken
    }
  }

  private let state = Mutex(State())
  private let event = EventCount()

  /// Runs `body` on the reader's thread and suspends until it returned. Not ended by cancellation. Where no
  /// thread can be had, `body` runs here.
  func perform<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      enqueue { continuation.resume(returning: body()) }
    }
  }

  private func enqueue(_ job: @escaping @Sendable () -> Void) {
    let mustStart = state.withLock { state in
      state.jobs.append(job)
      guard !state.isRunning else { return false }
      state.isRunning = true
      return true
    }
    event.signal()
    guard mustStart, (try? EngineThread(name: "spate-read", body: { self.run() })) == nil else { return }
    let jobs = state.withLock { state in
      state.isRunning = false
      return state.takeJobs()
    }
    for job in jobs { job() }
  }

  private func run() {
    // Nobody joins a thread that ends by itself.
    _ = pthread_detach(pthread_self())
    while true {
      let seen = event.current
      let jobs = state.withLock { $0.takeJobs() }
      for job in jobs { job() }
      guard jobs.isEmpty else { continue }
      if event.wait(from: seen, until: Int64(spate_now_monotonic_ns()) + Self.idleNanoseconds) { continue }
      let isOver = state.withLock { state in
        if state.jobs.isEmpty { state.isRunning = false }
        return state.jobs.isEmpty
      }
      if isOver { return }
    }
  }
}
