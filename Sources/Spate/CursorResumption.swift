/// Where a named cursor's place came from when it was opened. New cases can be added: switch with a default.
public enum CursorResumption: Sendable, Equatable {
  /// The cursor was made, at the start position.
  case created
  /// The cursor goes on behind what it had acknowledged.
  case resumed
  /// The place was ahead of the log: records that it had acknowledged are gone after a power cut or a
  /// truncation. It was set back from this sequence to what is left; records with the sequences in between
  /// are other ones than before.
  case setBack(from: UInt64)
  /// The queue had lost places of cursors when it was opened, and knows no place of this one: it begins at
  /// the earliest record, whatever start was asked for, so that nothing is skipped.
  case placeLost
}
