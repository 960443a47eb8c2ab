extension LogMark {
  /// Moves forward to `other` if that is further.
  mutating func raise(to other: LogMark) {
    if other.position > position {
      self = LogMark(position: other.position, sequence: max(sequence, other.sequence))
    }
  }
}

extension ChunkFrame {
  /// Where the chunk begins.
  var base: LogMark { LogMark(position: basePosition, sequence: baseSequence) }
  /// How far the log was durable when the chunk was opened.
  var durable: LogMark { LogMark(position: durablePosition, sequence: durableSequence) }
}

extension SegmentUse {
  /// Where the segment's log begins.
  var base: LogMark { LogMark(position: basePosition, sequence: baseSequence) }
  /// Where the log before the segment ends.
  var cut: LogMark { LogMark(position: cutPosition, sequence: baseSequence) }
}
