import Glibc

/// A thread that runs one closure.
final class WorkerThread {
  private final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private var thread: pthread_t?

  /// Starts the thread.
  init(_ body: @escaping @Sendable () -> Void) throws {
    var thread = pthread_t()
    // SAFETY: the thread takes over the reference that is passed along.
    let work = unsafe Unmanaged.passRetained(Work(body))
    let error = unsafe pthread_create(&thread, nil, Self.start, work.toOpaque())
    guard error == 0 else {
      unsafe work.release()
      throw CommandFailure.system("start a thread", "pthread_create", errno: error)
    }
    self.thread = thread
  }

  /// Waits for the closure's end. Waiting again does nothing.
  func join() {
    if let thread { pthread_join(thread, nil) }
    thread = nil
  }

  private static let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
    argument in
    if let argument = unsafe argument {
      unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
    }
    return nil
  }
}
