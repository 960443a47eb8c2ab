/// How long a queue keeps its records. Whole segment files are given up, the oldest first, by the store's housekeeper;
/// never the one that is appended to.
///
/// A queue with named cursors keeps what one of them has not acknowledged, and gives up what all have, unless a
/// minimum keeps it longer. A queue without named cursors keeps everything up to the maxima. A maximum is stronger
/// than a minimum.
public struct RetentionOptions: Sendable, Equatable {
  /// How many bytes of segment files are kept although all named cursors have acknowledged them.
  public var minimalByteCount: UInt64 = 0
  /// For how long a record is kept although all named cursors have acknowledged it, in nanoseconds.
  public var minimalAgeNanoseconds: UInt64 = 0
  /// How many bytes of segment files are kept at most; nil for no bound.
  public var maximalByteCount: UInt64?
  /// For how long a record is kept at most, in nanoseconds; nil for no bound. A segment goes when its last record is
  /// older.
  public var maximalAgeNanoseconds: UInt64?
  /// Whether the maxima give up records that a named cursor has not acknowledged. It then reads on behind them, and
  /// ``NamedCursor/evicted`` says what it missed. Without it such records stay, and with a quota appends are refused
  /// at last.
  public var evictsUnacknowledged = false

  /// Keeps what named cursors need, and everything without them.
  public init() {}

  /// Throws `invalidArgument` when a minimum is above its maximum.
  func validate() throws(SpateError) {
    guard minimalByteCount <= maximalByteCount ?? .max,
      minimalAgeNanoseconds <= maximalAgeNanoseconds ?? .max
    else {
      throw SpateError(.invalidArgument, "what is kept at least must not be more than what is kept at most")
    }
  }
}
