import Glibc

/// Starts a thread that runs `body` until the process ends.
func startThread(_ body: @escaping () -> Void) {
  let context = unsafe Unmanaged.passRetained(ThreadBody(body))
  var handle = pthread_t()
  let error = unsafe pthread_create(
    &handle,
    nil,
    { argument in
      // SAFETY: the argument is the retained body; taken over once.
      guard let argument = unsafe argument else { return nil }
      unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
      return nil
    },
    context.toOpaque()
  )
  if error != 0 { Output.fail("no thread") }
}

private final class ThreadBody {
  let run: () -> Void

  init(_ run: @escaping () -> Void) { self.run = run }
}
