import Glibc

/// What is said to people: failures, warnings and progress. Any thread.
enum StandardError {
  /// Whether a person looks at it.
  static let isTerminal = isatty(STDERR_FILENO) == 1

  /// Prints one line.
  static func print(_ line: String) { write(line + "\n") }

  /// Writes text as it is. What cannot be written is given up: there is nobody left to tell.
  static func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      var rest = unsafe bytes[...]
      while unsafe !rest.isEmpty {
        // SAFETY: the slice is not empty and lives in this closure.
        let count = unsafe Glibc.write(
          STDERR_FILENO,
          UnsafeBufferPointer(rebasing: rest).baseAddress,
          rest.count
        )
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        unsafe rest = rest.dropFirst(count)
      }
    }
  }
}
