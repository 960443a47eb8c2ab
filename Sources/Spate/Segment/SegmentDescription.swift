/// What the engine knows of one segment of a queue without opening its file. A plain value; any thread.
struct SegmentDescription: Equatable, Sendable {
  /// The running number: the file's name.
  var number: UInt64
  /// The file's path, relative to the store's directory.
  var path: String
  /// The bytes of the whole file.
  var byteCount: UInt64
  /// Where the data area ends.
  var footerOffset: UInt64
  /// The size of the header block and of all blocks of this file.
  var blockByteCount: Int
  /// What the segment is used for.
  var use: SegmentUse
  /// Where its records end; nil while it is active.
  var endPosition: UInt64?
  /// The sequence after its last record; nil while it is active.
  var endSequence: UInt64?
  /// The time of its last record, where it is known.
  var lastTimestamp: UInt64?
  /// Whether damage was found inside.
  var isDamaged = false

  /// Where the data area begins.
  var dataOffset: UInt64 { UInt64(blockByteCount) }
  /// The salt of its stamps.
  var salt: UInt64 { use.salt }
  /// The position of the first byte of its data area.
  var basePosition: UInt64 { use.basePosition }
  /// The sequence of its first record.
  var baseSequence: UInt64 { use.baseSequence }
  /// The epoch in which its use began.
  var epoch: UInt64 { use.epoch }
  /// When its use began.
  var baseTimestamp: UInt64 { use.baseTimestamp }
  /// The position behind the data area.
  var capacityPosition: UInt64 { basePosition + (footerOffset - dataOffset) }
  /// Where reading has to stop: at the end of the records, or of the data area.
  var limitPosition: UInt64 { min(endPosition ?? capacityPosition, capacityPosition) }

  /// The offset in the file of a position in the data area.
  func fileOffset(of position: UInt64) -> UInt64 {
    precondition(position >= basePosition && position <= capacityPosition, "position outside the segment")
    return dataOffset + (position - basePosition)
  }
}
