import Glibc

/// The child's end of the pipe to the demo. Any thread: each write is whole.
struct DemoChannel: Sendable {
  let descriptor: Int32

  /// Sends messages, in order. Ends the process when the demo is gone: nobody wants its records any more.
  func send(_ messages: [DemoMessage]) {
    let perWrite = DemoMessage.atomicByteCount / DemoMessage.byteCount
    for start in stride(from: 0, to: messages.count, by: perWrite) {
      let words = messages[start..<min(start + perWrite, messages.count)].flatMap(\.words)
      while true {
        let count = unsafe words.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        if count > 0 { break }
        if count < 0, errno == EINTR { continue }
        exit(CommandFailure.failureCode)
      }
    }
  }
}
