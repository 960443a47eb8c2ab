import Glibc

/// What a child prints, line by line.
struct ChildLines {
  private let child: OwnChild
  private var pending: [UInt8] = []

  init(_ child: OwnChild) { self.child = child }

  /// The next line, or nil at the end of its output, or when the command should stop.
  mutating func next() -> String? {
    while true {
      if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: pending[..<end], as: UTF8.self)
        pending.removeSubrange(...end)
        return line
      }
      guard Interruption.waitUntilReadable(child.output) else { return nil }
      var piece = [UInt8](repeating: 0, count: 4096)
      let count = unsafe read(child.output, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return nil }
      pending += piece[..<count]
    }
  }
}
