/// A segment as the ring sees it: the piece of the log that chunks are cut from.
///
/// Made when the ring rolls; the committer takes it over when it drains the first chunk that lies in it.
struct RingSegment: Sendable {
  /// The file, prepared and locked.
  let file: PreparedSegment
  /// The salt of all stamps in it, new for this use.
  let salt: UInt64
  /// Where it begins.
  let base: LogMark
  /// Where the log before it ends; `base.position` unless it begins after a recovery or a truncation.
  let cutPosition: UInt64
  /// The epoch of the records in it.
  let epoch: UInt64
  /// What recovery must know about its base.
  let flags: SegmentUse.Flags
  /// The fencing epoch in force when it began.
  let fencingEpoch: UInt64
  /// When it began, ns since 1970.
  let timestamp: UInt64
  /// The offset of its first frame in the file.
  let dataOffset: UInt64

  /// What its use sector says.
  var use: SegmentUse {
    SegmentUse(
      salt: salt,
      basePosition: base.position,
      baseSequence: base.sequence,
      epoch: epoch,
      fencingEpoch: fencingEpoch,
      baseTimestamp: timestamp,
      flags: flags,
      cutPosition: cutPosition
    )
  }

  /// The position that its data area ends at.
  var endPosition: UInt64 { base.position + file.footerOffset - dataOffset }
}
