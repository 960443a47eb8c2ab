import Glibc
import Synchronization

/// SIGINT, SIGTERM and SIGHUP as something to ask for, for commands that have something to finish.
///
/// The first signal asks the command to stop; a second one ends the process at once.
enum Interruption {
  private static let received = Atomic<Int32>(0)
  private static let readEnd = Atomic<Int32>(-1)
  private static let writeEnd = Atomic<Int32>(-1)

  /// Takes the signals from here on, but for those that whoever started the process has it ignore. Call it on the
  /// main thread before any other thread is started: they inherit that the signals are not theirs.
  static func install() throws {
    var signals = sigset_t()
    for signal in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(signal) { unsafe sigaddset(&signals, signal) }
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw CommandFailure.system("watch for signals", "pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    // ORDERING: relaxed: written before the threads that read it are started.
    readEnd.store(ends[0], ordering: .relaxed)
    writeEnd.store(ends[1], ordering: .relaxed)
    let waited = signals
    _ = try WorkerThread {
      var waited = waited
      while true {
        var signal: Int32 = 0
        guard unsafe sigwait(&waited, &signal) == 0 else { continue }
        if Interruption.isRequested { endProcess(by: signal) }
        request(signal)
      }
    }
  }

  private static func isIgnored(_ signal: Int32) -> Bool {
    var action = sigaction()
    unsafe sigaction(signal, nil, &action)
    return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Whether the command should stop now. Any thread.
  static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

  /// The signal that asked for it.
  static var signal: Int32? {
    let signal = received.load(ordering: .relaxed)
    return signal == 0 ? nil : signal
  }

  /// Ends all waits of this type, without a signal: something else makes the command stop.
  static func endWaits() {
    var byte: UInt8 = 1
    _ = unsafe write(writeEnd.load(ordering: .relaxed), &byte, 1)
  }

  /// Readable once the command should stop; negative when nobody took the signals.
  static var descriptor: Int32 { readEnd.load(ordering: .relaxed) }

  /// Waits until a file may be read; false when the command should stop instead.
  static func waitUntilReadable(_ descriptor: Int32) -> Bool {
    var files = [
      pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: Self.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      let count = unsafe poll(&files, nfds_t(files.count), -1)
      if count < 0, errno == EINTR { continue }
      return files[1].revents == 0
    }
  }

  /// Sleeps; wakes early, and returns false, when the command should stop.
  static func sleep(nanoseconds: UInt64) -> Bool {
    var file = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    if nanoseconds >= 2_000_000 {
      let milliseconds = min(nanoseconds / 1_000_000, UInt64(Int32.max))
      return unsafe poll(&file, 1, Int32(milliseconds)) <= 0
    }
    usleep(UInt32(nanoseconds / 1000))
    return !isRequested
  }

  /// Ends the process as the signal would have, so that whoever started it sees why.
  static func endProcess(by signal: Int32) -> Never {
    _ = Glibc.signal(signal, SIG_DFL)
    var signals = sigset_t()
    unsafe sigaddset(&signals, signal)
    unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    kill(getpid(), signal)
    _exit(128 + signal)
  }

  private static func request(_ signal: Int32) {
    received.store(signal, ordering: .relaxed)
    endWaits()
  }
}
