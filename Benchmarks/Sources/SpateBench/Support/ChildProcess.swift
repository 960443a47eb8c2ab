import Glibc

/// This program run again as a child, which tells its parent what it has done line by line.
final class ChildProcess {
  private let identifier: pid_t
  private let output: Int32
  private var pending: [UInt8] = []
  private var isReaped = false

  /// Starts this executable with other arguments.
  init(arguments: [String]) throws {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw BenchmarkError("cannot make a pipe", errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    var words = unsafe (["spate-bench"] + arguments).map { unsafe strdup($0) }
    unsafe words.append(nil)
    defer { unsafe words.forEach { unsafe free($0) } }
    var child: pid_t = 0
    let result = unsafe posix_spawn(&child, "/proc/self/exe", &actions, nil, words, environ)
    close(ends[1])
    guard result == 0 else {
      close(ends[0])
      throw BenchmarkError("cannot start a child", result)
    }
    identifier = child
    output = ends[0]
  }

  deinit {
    if !isReaped { kill() }
    close(output)
  }

  /// The next line that the child prints, or nil at its end.
  func readLine() -> String? {
    while true {
      if let end = pending.firstIndex(of: 10) {
        let line = String(decoding: pending[..<end], as: UTF8.self)
        pending.removeSubrange(...end)
        return line
      }
      var piece = [UInt8](repeating: 0, count: 4096)
      let count = unsafe read(output, &piece, piece.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return nil }
      pending += piece[..<count]
    }
  }

  /// Ends the child at once, and waits until it is gone.
  func kill() {
    _ = Glibc.kill(identifier, SIGKILL)
    _ = wait()
  }

  /// Waits for the end and gives the status as waitpid tells it.
  @discardableResult
  func wait() -> Int32 {
    var status: Int32 = 0
    while unsafe waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
    isReaped = true
    return status
  }
}
