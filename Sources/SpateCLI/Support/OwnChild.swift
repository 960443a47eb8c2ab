import Glibc

/// This very program as a child, with other arguments: for what must be killed or measured apart. One thread starts
/// and ends it; another may read its messages.
final class OwnChild {
  /// How it ended.
  enum Ending: Equatable {
    case exited(Int32)
    case killed(Int32)
  }

  let identifier: pid_t
  /// Where its messages come from.
  let output: Int32
  private let input: Int32
  private var ending: Ending?

  /// Starts this very program again, with other arguments. It inherits standard error, and which signals are blocked.
  init(arguments: [String]) throws {
    let toChild = try Self.makePipe()
    let fromChild = try Self.makePipe()
    defer {
      close(toChild.read)
      close(fromChild.write)
    }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, toChild.read, STDIN_FILENO)
    unsafe posix_spawn_file_actions_adddup2(&actions, fromChild.write, STDOUT_FILENO)
    var words = unsafe (["spate"] + arguments).map { unsafe strdup($0) } + [nil]
    defer { unsafe words.forEach { unsafe free($0) } }
    var identifier: pid_t = 0
    let failure = unsafe posix_spawn(&identifier, "/proc/self/exe", &actions, nil, &words, environ)
    guard failure == 0 else {
      close(toChild.write)
      close(fromChild.read)
      throw CommandFailure.system("start a process", "/proc/self/exe", errno: failure)
    }
    self.identifier = identifier
    output = fromChild.read
    input = toChild.write
  }

  deinit {
    if ending == nil { _ = kill() }
    close(input)
    close(output)
  }

  /// Tells it when the plan began. What it does not read any more is no failure: its end tells why.
  func begin(at start: UInt64) {
    var word = start
    _ = unsafe write(input, &word, MemoryLayout<UInt64>.size)
  }

  /// Kills it, as the kernel does with one that has used up the memory, and waits for its end.
  func kill() -> Ending {
    if ending == nil { Glibc.kill(identifier, SIGKILL) }
    return wait()
  }

  /// Waits for its end.
  func wait() -> Ending {
    if let ending { return ending }
    var status: Int32 = 0
    while unsafe waitpid(identifier, &status, 0) < 0, errno == EINTR {}
    let ending = status & 0x7F == 0 ? Ending.exited(status >> 8 & 0xFF) : .killed(status & 0x7F)
    self.ending = ending
    return ending
  }

  private static func makePipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw CommandFailure.system("make a pipe", "pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }
}
