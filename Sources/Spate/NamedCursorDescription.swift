/// A named cursor of a queue, as it stood at one moment. A plain value.
public struct NamedCursorDescription: Sendable, Equatable {
  /// The cursor's name.
  public var name: String
  /// Everything below this sequence is acknowledged.
  public var acknowledgedSequence: UInt64
  /// Whether somebody in this process holds it.
  public var isOpen: Bool
  /// The records that it has not acknowledged and cannot read any more, since retention or a trim by hand gave
  /// them up; nil when there are none.
  public var evicted: Range<UInt64>?
  /// How many records it lost that way since the queue was opened.
  public var evictedCount: UInt64
}
