import CSpate
import Glibc
import Synchronization

@testable import Spate

/// A `SpateCrashChild`, or another program, that runs beside the test; killed and reaped when it is released.
///
/// A thread reads what the child prints, so the child is never held up by a full pipe.
final class ChildProcess {
  struct Failure: Error { var errno: Int32 }

  private final class Printed: Sendable {
    private let bytes = Mutex<[UInt8]>([])
    let changed = EventCount()

    func append(_ more: ArraySlice<UInt8>) {
      bytes.withLock { $0.append(contentsOf: more) }
      changed.signal()
    }

    /// The lines that are whole.
    var lines: [String] { bytes.withLock { Self.lines($0).lines } }

    /// The lines that are whole, which are forgotten here.
    func takeLines() -> [String] {
      bytes.withLock { bytes in
        let (lines, byteCount) = Self.lines(bytes)
        bytes.removeFirst(byteCount)
        return lines
      }
    }

    private static func lines(_ bytes: [UInt8]) -> (lines: [String], byteCount: Int) {
      guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return ([], 0) }
      let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\n").map(String.init)
      return (lines, end + 1)
    }
  }

  let identifier: pid_t
  private let printed = Printed()
  private let input: Int32
  private let output: Int32
  private var reader: EngineThread?
  private var status: Int32?

  /// Starts the helper with these arguments, or another program; `environment` comes before this process's own.
  init(_ arguments: [String], executable: String? = nil, environment: [String] = []) throws {
    var output: [Int32] = [0, 0]
    var input: [Int32] = [0, 0]
    var identifier: pid_t = 0
    // One at a time: another child must not inherit our ends before they are closed on exec.
    let error = Self.spawning.withLock { _ in
      guard unsafe pipe(&output) == 0, unsafe pipe(&input) == 0 else { return errno }
      for end in output + input { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      defer {
        close(output[1])
        close(input[0])
      }
      return Self.spawn(
        executable ?? Self.executable,
        arguments,
        environment: environment,
        input: input[0],
        output: output[1],
        identifier: &identifier
      )
    }
    guard error == 0 else { throw Failure(errno: error) }
    self.identifier = identifier
    self.input = input[1]
    let descriptor = output[0]
    self.output = descriptor
    let printed = printed
    reader = try EngineThread(name: "child-output") {
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = unsafe buffer.withUnsafeMutableBytes {
          unsafe read(descriptor, $0.baseAddress, $0.count)
        }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        printed.append(buffer.prefix(count))
      }
      printed.append([])
    }
  }

  deinit { kill() }

  private static let spawning = Mutex(())

  private static func spawn(
    _ executable: String,
    _ arguments: [String],
    environment: [String],
    input: Int32,
    output: Int32,
    identifier: inout pid_t
  ) -> Int32 {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    var words: [UnsafeMutablePointer<CChar>?] = unsafe ([executable] + arguments).map { unsafe strdup($0) }
    defer { unsafe words.forEach { unsafe free($0) } }
    unsafe words.append(nil)
    var variables: [UnsafeMutablePointer<CChar>?] = unsafe environment.map { unsafe strdup($0) }
    let ownCount = unsafe variables.count
    defer { unsafe variables.prefix(ownCount).forEach { unsafe free($0) } }
    var variable = unsafe environ
    while let text = unsafe variable.pointee {
      unsafe variables.append(text)
      unsafe variable += 1
    }
    unsafe variables.append(nil)
    return unsafe posix_spawn(&identifier, executable, &actions, nil, &words, &variables)
  }

  /// The helper stands beside the test program.
  static var executable: String { directory + "/SpateCrashChild" }

  /// Where the test program stands.
  static var directory: String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
  }

  /// Blocks until the child has printed a line; returns the first. Nil when it ended without.
  func firstLine() -> String? {
    while true {
      let event = printed.changed.current
      if let line = printed.lines.first { return line }
      if hasEnded { return printed.lines.first }
      _ = printed.changed.wait(from: event, until: Int64(spate_now_monotonic_ns()) + 100_000_000)
    }
  }

  /// The whole lines that were printed since the last call.
  func takeLines() -> [String] { printed.takeLines() }

  /// Blocks until everything that the child had printed before the call is read.
  func drain() {
    var count: Int32 = 0
    while reader != nil, unsafe ioctl(output, UInt(FIONREAD), &count) == 0, count > 0 { usleep(500) }
  }

  /// Gives the child a line.
  @discardableResult
  func tell(_ line: String) -> Bool {
    let bytes = Array((line + "\n").utf8)
    return unsafe bytes.withUnsafeBytes { unsafe write(input, $0.baseAddress, $0.count) } == bytes.count
  }

  /// Gives the child a line and blocks until it has printed one; nil when it ended without.
  func ask(_ line: String) -> String? { tell(line) ? firstLine().map { _ in takeLines()[0] } : nil }

  /// Whether the child has ended.
  var hasEnded: Bool {
    guard status == nil else { return true }
    var found: Int32 = 0
    guard unsafe waitpid(identifier, &found, WNOHANG) == identifier else { return false }
    status = found
    return true
  }

  /// Ends the child's input and waits for its end; returns what it printed.
  func finish() -> [String] { end() }

  /// Kills the child, waits for its end, and returns the lines that it had printed.
  @discardableResult
  func kill() -> [String] {
    if status == nil { Glibc.kill(identifier, SIGKILL) }
    return end()
  }

  private func end() -> [String] {
    guard let reader else { return printed.lines }
    self.reader = nil
    close(input)
    if status == nil {
      var found: Int32 = 0
      while unsafe waitpid(identifier, &found, 0) < 0, errno == EINTR {}
      status = found
    }
    reader.join()
    close(output)
    return printed.lines
  }

  /// Whether the child ended by a kill, not by itself.
  var wasKilled: Bool { (status ?? 0) & 0x7F == SIGKILL }

  /// Whether the child ended by itself, and well.
  var hasSucceeded: Bool { status == 0 }
}
