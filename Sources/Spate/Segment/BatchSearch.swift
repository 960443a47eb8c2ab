/// Finds where the batch begins that a record belongs to: it is told the frames of a segment, one after the other.
struct BatchSearch {
  /// The record.
  let sequence: UInt64
  /// Where the batch of the last frame begins: the batch of the record once that is found.
  private(set) var begin: LogMark

  /// A search that begins at the beginning of a batch.
  init(sequence: UInt64, from begin: LogMark) {
    self.sequence = sequence
    self.begin = begin
  }

  /// Takes the next frame; whether it is the record's.
  mutating func isFound(at frame: FrameScanner.Frame) -> Bool {
    if !frame.header.flags.contains(.continued) {
      begin = LogMark(position: frame.position, sequence: frame.sequence)
    }
    return frame.header.type.takesSequence && frame.sequence == sequence
  }
}
