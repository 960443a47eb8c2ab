/// Appends that were dropped for want of room, close together in time. A plain value.
public struct DroppedRange: Sendable, Equatable {
  /// How many records were dropped.
  public var count: UInt64
  /// When the first and the last of them were, ns since 1970.
  public var firstTimestamp: UInt64
  public var lastTimestamp: UInt64
}
