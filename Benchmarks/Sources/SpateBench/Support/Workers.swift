import Glibc
import Synchronization

/// Runs a body on threads of its own, which all begin at the same moment.
enum Workers {
  /// Runs `body(0)`…`body(count - 1)` at once and returns their results in order, with the time of the start.
  ///
  /// `whileRunning` is called on this thread once all have begun. The first error is thrown after all have ended.
  static func run<Result: Sendable>(
    _ count: Int,
    whileRunning: () throws -> Void = {},
    body: @escaping @Sendable (Int) throws -> Result
  ) throws -> (results: [Result], startNanoseconds: UInt64) {
    let gate = Gate(expected: count)
    let threads = (0..<count).map { index in
      WorkerThread {
        gate.arriveAndWait()
        return try body(index)
      }
    }
    let start = gate.open()
    var failure: (any Error)?
    do { try whileRunning() } catch { failure = error }
    var results: [Result] = []
    for thread in threads {
      do { results.append(try thread.join()) } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
    return (results, start)
  }
}

/// A thread with a result.
final class WorkerThread<Value: Sendable>: Sendable {
  private let box: Box
  private let handle: pthread_t

  /// Starts a thread that runs `body`.
  init(_ body: @escaping @Sendable () throws -> Value) {
    let box = Box(body)
    var handle = pthread_t()
    // SAFETY: the thread takes the reference that is retained here, and releases it.
    let context = unsafe Unmanaged.passRetained(box as StartBox).toOpaque()
    let result = unsafe pthread_create(&handle, nil, startWorker, context)
    precondition(result == 0, "pthread_create failed with \(result)")
    self.box = box
    self.handle = handle
  }

  /// Waits for the end and gives the result or the error. Called once.
  func join() throws -> Value {
    pthread_join(handle, nil)
    return try box.takeResult()
  }

  private final class Box: StartBox, @unchecked Sendable {
    // Written by the thread before its end, read after it was joined.
    private let body: @Sendable () throws -> Value
    private var result: Result<Value, any Error>?

    init(_ body: @escaping @Sendable () throws -> Value) { self.body = body }

    override func start() { result = Result { try body() } }

    func takeResult() throws -> Value {
      guard let result else { preconditionFailure("the thread has ended without a result") }
      return try result.get()
    }
  }
}

/// What a new thread runs, without its type of result.
private class StartBox {
  func start() {}
}

private func startWorker(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let context = unsafe context else { return nil }
  unsafe Unmanaged<StartBox>.fromOpaque(context).takeRetainedValue().start()
  return nil
}

/// Holds threads until all are there and the last one lets them go.
private final class Gate: Sendable {
  private let expected: Int
  private let arrived = Atomic<Int>(0)
  private let isOpen = Atomic<Bool>(false)

  init(expected: Int) { self.expected = expected }

  func arriveAndWait() {
    arrived.wrappingAdd(1, ordering: .acquiringAndReleasing)
    while !isOpen.load(ordering: .acquiring) { sched_yield() }
  }

  func open() -> UInt64 {
    while arrived.load(ordering: .acquiring) < expected { sched_yield() }
    let now = nanosecondsNow()
    isOpen.store(true, ordering: .releasing)
    return now
  }
}

/// Tells threads to come to an end.
final class StopFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  /// Whether it was set.
  var isSet: Bool {
    @inline(__always) get { flag.load(ordering: .relaxed) }
  }

  /// Sets it.
  func set() { flag.store(true, ordering: .relaxed) }
}
