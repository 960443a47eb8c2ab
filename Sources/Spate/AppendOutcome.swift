/// What became of an append that does not wait.
///
/// New cases can be added without breaking clients: switch with `@unknown default` or a default.
public enum AppendOutcome: Sendable, Equatable {
  /// The record is in the log under this sequence, as far as `published`.
  case appended(sequence: UInt64)
  /// There is no room in the memory budget for now, or the next segment file is not ready; nothing was
  /// appended.
  case backPressured
  /// The disk or a quota is full; nothing was appended. Appending resumes by itself once there is room.
  case full
  /// There was no room and the caller asked to drop then; the drop was counted.
  case dropped
}

/// What an append does that finds no room in the memory budget.
public enum BackPressurePolicy: Sendable, Equatable {
  /// Report ``AppendOutcome/backPressured``.
  case refuse
  /// Give the record up, count it and its time, and report ``AppendOutcome/dropped``.
  case drop
}

/// What became of an append at an expected sequence.
public enum ExpectedAppendOutcome: Sendable, Equatable {
  /// The record was appended at the expected sequence.
  case appended
  /// The log already holds a record at that sequence; `next` is the one that would be appended next.
  case already(next: UInt64)
  /// The log is behind: records `next` up to the expected one are missing.
  case gap(next: UInt64)
  /// No room for now; nothing was appended.
  case backPressured
  /// The disk or a quota is full; nothing was appended.
  case full
}
