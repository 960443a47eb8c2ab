/// How far a named cursor's acknowledgements are behind the durable end of its queue. A plain value.
public struct CursorLag: Sendable, Equatable {
  /// Records that are durable, kept, and not acknowledged; places without a record count.
  public var recordCount: UInt64
  /// The bytes of log that they take.
  public var byteCount: UInt64
  /// When the oldest of them was appended, ns since 1970; nil when there is none.
  public var oldestTimestamp: UInt64?
  /// How long ago that was, in nanoseconds; 0 when there is none.
  public var ageNanoseconds: UInt64
}
