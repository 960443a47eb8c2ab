/// A place in a queue's log between two frames: where it is, and which record comes next.
struct LogMark: Equatable, Sendable {
  /// Bytes from the start of the log.
  var position: UInt64
  /// The sequence of the first record at or behind `position`.
  var sequence: UInt64
}
