import Synchronization

/// A thread with a result.
final class ResultThread<Value: Sendable> {
  private final class Outcome: Sendable {
    let value = Mutex<Result<Value, any Error>?>(nil)
  }

  private let outcome = Outcome()
  private let thread: WorkerThread

  /// Starts a thread that runs `body`.
  init(_ body: @escaping @Sendable () throws -> Value) throws {
    let outcome = outcome
    thread = try WorkerThread {
      let result = Result { try body() }
      outcome.value.withLock { $0 = result }
    }
  }

  /// Waits for the end and gives the result or the error.
  func join() throws -> Value {
    thread.join()
    guard let result = outcome.value.withLock({ $0 }) else {
      preconditionFailure("the thread has ended without a result")
    }
    return try result.get()
  }
}
