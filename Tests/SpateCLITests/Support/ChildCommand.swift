import Glibc
import Synchronization

@testable import SpateCLI

/// A program that runs beside the test, with pipes to it.
///
/// Threads feed its input and read its outputs, so that neither side is held up by a full pipe.
final class ChildCommand {
  /// How a program ended.
  enum Status: Equatable {
    case exited(Int32)
    case killed(Int32)
  }

  /// What came of a program that ended.
  struct Result {
    var status: Status
    var output: [UInt8]
    var error: String

    /// The output as text.
    var text: String { String(decoding: output, as: UTF8.self) }
    /// The output's lines.
    var lines: [String] {
      text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
  }

  private final class Gathered: Sendable {
    private let bytes = Mutex<[UInt8]>([])
    func add(_ more: ArraySlice<UInt8>) { bytes.withLock { $0 += more } }
    var all: [UInt8] { bytes.withLock { $0 } }
  }

  let identifier: pid_t
  private var input: Int32
  private let output = Gathered()
  private let error = Gathered()
  private var readers: [TestThread] = []
  private var status: Status?

  /// Starts a program. `environment` is all that it gets, beside PATH.
  ///
  /// - Parameter output: where its standard output goes instead of into memory; closed here once it is started.
  init(_ words: [String], environment: [String] = [], output target: Int32? = nil) {
    let (identifier, ends) = Self.spawn(words, environment, target)
    self.identifier = identifier
    input = ends.input
    if let outputEnd = ends.output { readers.append(Self.reader(of: outputEnd, into: output)) }
    readers.append(Self.reader(of: ends.error, into: error))
  }

  deinit {
    if status == nil { kill(SIGKILL) }
    _ = finish()
  }

  private struct Ends {
    var input: Int32
    var output: Int32?
    var error: Int32
  }

  private static let spawning = Mutex(())

  private static func pair() -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    precondition(unsafe pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  private static func spawn(_ words: [String], _ environment: [String], _ target: Int32?) -> (pid_t, Ends) {
    // One at a time: a child must not inherit the ends of another one's pipes.
    spawning.withLock { _ in
      let input = pair()
      let output = target.map { (read: Int32(-1), write: $0) } ?? pair()
      let error = pair()
      var actions = unsafe posix_spawn_file_actions_t()
      unsafe posix_spawn_file_actions_init(&actions)
      defer { unsafe posix_spawn_file_actions_destroy(&actions) }
      unsafe posix_spawn_file_actions_adddup2(&actions, input.read, 0)
      unsafe posix_spawn_file_actions_adddup2(&actions, output.write, 1)
      unsafe posix_spawn_file_actions_adddup2(&actions, error.write, 2)
      var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
      var variables: [UnsafeMutablePointer<CChar>?] =
        unsafe (["PATH=/usr/bin:/bin"] + environment)
        .map { unsafe strdup($0) } + [nil]
      defer { unsafe (arguments + variables).forEach { unsafe free($0) } }
      // Whatever this thread blocks and ignores: its children obey their signals.
      var attributes = posix_spawnattr_t()
      unsafe posix_spawnattr_init(&attributes)
      defer { unsafe posix_spawnattr_destroy(&attributes) }
      var signals = sigset_t()
      for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { unsafe sigaddset(&signals, signal) }
      unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
      var none = sigset_t()
      unsafe posix_spawnattr_setsigmask(&attributes, &none)
      unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
      var identifier: pid_t = 0
      let failure = unsafe posix_spawn(&identifier, words[0], &actions, &attributes, &arguments, &variables)
      precondition(failure == 0, "cannot start \(words[0]): errno \(failure)")
      for end in [input.read, output.write, error.write] { close(end) }
      return (
        identifier, Ends(input: input.write, output: target == nil ? output.read : nil, error: error.read)
      )
    }
  }

  private static func reader(of descriptor: Int32, into gathered: Gathered) -> TestThread {
    TestThread {
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        gathered.add(buffer[..<count])
      }
      close(descriptor)
    }
  }

  // MARK: Talking to it

  /// Writes to its standard input. False when it reads no more.
  @discardableResult
  func write(_ bytes: [UInt8]) -> Bool { Self.write(bytes, to: input) }

  /// Writes to its standard input, on a thread, until there is nothing more or nobody reads it.
  func feed(_ next: @escaping @Sendable (Int) -> [UInt8]?) -> TestThread {
    let input = input
    return TestThread {
      var number = 0
      while let bytes = next(number), Self.write(bytes, to: input) { number += 1 }
    }
  }

  private static func write(_ bytes: [UInt8], to input: Int32) -> Bool {
    // The test program must not end by a pipe that is closed.
    _ = signal(SIGPIPE, SIG_IGN)
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes[done...].withUnsafeBytes {
        unsafe Glibc.write(input, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }

  /// Ends its standard input.
  func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  /// What it has printed so far.
  var printed: [UInt8] { output.all }

  /// Waits until it has printed so many lines, or has ended; returns the whole lines.
  func waitForLines(_ count: Int) -> [String] {
    while true {
      let isOver = hasEnded
      let text = String(decoding: printed, as: UTF8.self)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
      if lines.count >= count || isOver { return lines }
      usleep(1000)
    }
  }

  /// Waits until the condition holds. False when the program ended before.
  func wait(until condition: () -> Bool) -> Bool {
    while !condition() {
      if hasEnded { return condition() }
      usleep(1000)
    }
    return true
  }

  /// Sends a signal.
  func kill(_ signal: Int32) { Glibc.kill(identifier, signal) }

  /// Whether it has ended.
  var hasEnded: Bool {
    if status != nil { return true }
    var found: Int32 = 0
    guard unsafe waitpid(identifier, &found, WNOHANG) == identifier else { return false }
    status = Self.status(found)
    return true
  }

  /// Ends its input and waits for its end.
  func finish() -> Result {
    closeInput()
    if status == nil {
      var found: Int32 = 0
      while unsafe waitpid(identifier, &found, 0) < 0, errno == EINTR {}
      status = Self.status(found)
    }
    for reader in readers { reader.join() }
    readers = []
    return Result(
      status: status ?? .exited(-1),
      output: output.all,
      error: String(decoding: error.all, as: UTF8.self)
    )
  }

  private static func status(_ word: Int32) -> Status {
    word & 0x7F == 0 ? .exited(word >> 8 & 0xFF) : .killed(word & 0x7F)
  }
}

/// A thread of a test.
final class TestThread {
  private let worker: WorkerThread?
  init(_ body: @escaping @Sendable () -> Void) {
    // A test without threads cannot go on.
    worker = try? WorkerThread(body)
    precondition(worker != nil)
  }
  func join() { worker?.join() }
}
