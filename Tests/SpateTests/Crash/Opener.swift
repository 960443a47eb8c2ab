import Synchronization

@testable import Spate

/// A thread that opens a store and its queue `a`, and closes it again.
final class Opener: Sendable {
  private struct State {
    var hasReturned = false
    var error: SpateError?
  }

  private let state = Mutex(State())
  private let thread = Mutex<EngineThread?>(nil)

  init(path: String) throws {
    let started = try EngineThread(name: "opener") { [self] in
      var failure: SpateError?
      do throws(SpateError) {
        let store = try Store.open(at: path)
        _ = try store.queue(named: "a")
        state.withLock { $0.hasReturned = true }
        try store.close()
      } catch {
        failure = error
      }
      state.withLock { $0 = State(hasReturned: true, error: failure) }
    }
    thread.withLock { $0 = started }
  }

  /// Whether the queue is open, or could not be opened.
  var hasReturned: Bool { state.withLock { $0.hasReturned } }

  /// Waits for the end, and returns what went wrong.
  func finish() -> SpateError? {
    thread.withLock { $0 }?.join()
    return state.withLock { $0.error }
  }
}
