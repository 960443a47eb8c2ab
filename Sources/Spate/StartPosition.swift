/// Where a cursor begins to read. A plain value.
public enum StartPosition: Sendable, Equatable {
  /// At the oldest record that is kept.
  case earliest
  /// Behind the last record that the cursor's level covers now: only what comes later is read.
  case latest
  /// At the record with this sequence, or at the first one after it when that was abandoned. May be the one
  /// that is appended next.
  case sequence(UInt64)
  /// At the first record, in the order of the log, whose timestamp (ns since 1970) is not before this.
  /// Records get ascending timestamps unless their callers give other ones; where they do not ascend, the
  /// search begins at the last chunk that was opened before this time. A time to come waits for a record of
  /// that time.
  case time(UInt64)
}
