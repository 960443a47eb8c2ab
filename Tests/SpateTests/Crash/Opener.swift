import Synchronization

@testable import Spate

/// A thread that opens a store and its queue `a`, and closes it again.
final class Opener: Sendable {
  private struct State {
    var hasOpened = false
    var error: SpateError?
  }

  private let state = Mutex(State())
  private let thread = Mutex<EngineThread?>(nil)

  init(path: String) throws {
    let started = try EngineThread(name: "opener") { [self] in
      do throws(SpateError) {
        let store = try Store.open(at: path)
        _ = try store.queue(named: "a")
        state.withLock { $0.hasOpened = true }
        try store.close()
      } catch {
        state.withLock { $0.error = error }
      }
    }
    thread.withLock { $0 = started }
  }

  /// Whether the queue was opened.
  var hasOpened: Bool { state.withLock { $0.hasOpened } }

  /// Waits for the end, and returns what went wrong.
  func finish() -> SpateError? {
    thread.withLock { $0 }?.join()
    return state.withLock { $0.error }
  }
}
