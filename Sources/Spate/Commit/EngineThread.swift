import CSpate
import Glibc

/// A thread of the engine. Made from nonisolated code, so its closure belongs to no actor.
final class EngineThread: @unchecked Sendable {
  // SAFETY: `handle` is written once, before the object is shared, and joined once.
  private var handle: pthread_t

  private final class Body {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }

  /// Starts a thread that runs `body` with all signals blocked, so that the host's handlers run on the host's
  /// threads.
  nonisolated init(name: String, body: @escaping @Sendable () -> Void) throws(SpateError) {
    let context = unsafe Unmanaged.passRetained(Body(name: name, run: body))
    var all = sigset_t()
    var previous = sigset_t()
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_SETMASK, &all, &previous)
    var handle = pthread_t()
    let error = unsafe pthread_create(
      &handle,
      nil,
      { argument in
        // SAFETY: the argument is the retained body; taken over once.
        guard let argument = unsafe argument else { return nil }
        let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
        unsafe spate_name_thread(body.name)
        body.run()
        return nil
      },
      context.toOpaque()
    )
    unsafe pthread_sigmask(SIG_SETMASK, &previous, nil)
    self.handle = handle
    guard error == 0 else {
      unsafe context.release()
      throw SpateError(
        .resourceExhausted,
        "no thread could be started; raise the limit of processes",
        systemErrorNumber: error
      )
    }
  }

  /// Waits for the thread's end.
  func join() { _ = pthread_join(handle, nil) }
}
