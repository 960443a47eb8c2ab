/// A part of a queue's log that cannot be read although it was durable.
///
/// A cursor that arrives there gets a typed error with the range, and can go on behind it.
public struct DamagedRange: Hashable, Sendable {
  /// The log positions that are lost, in bytes.
  public var positions: Range<UInt64>
  /// The records that are lost. Empty when only frames without a sequence were hit.
  public var sequences: Range<UInt64>
  /// The running number of the segment file in which the damage begins.
  public var segmentNumber: UInt64

  /// Makes a range.
  public init(positions: Range<UInt64>, sequences: Range<UInt64>, segmentNumber: UInt64) {
    self.positions = positions
    self.sequences = sequences
    self.segmentNumber = segmentNumber
  }
}
