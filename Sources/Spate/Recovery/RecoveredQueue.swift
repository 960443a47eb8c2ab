/// A queue as recovery left it: every byte below `endPosition` is durable or reported as damaged.
///
/// The next append begins a new segment: `basePosition` is `endPosition` rounded up to a block, and the epoch is
/// `epoch + 1`.
struct RecoveredQueue: Sendable {
  /// What the queue is.
  var manifest: QueueManifest
  /// The last checkpoint; a fresh one where there is none.
  var checkpoint: QueueCheckpoint
  /// The segments of the log, all of them with an end, and the damage.
  var catalog: SegmentCatalog
  /// Where the log ends, exactly.
  var endPosition: UInt64
  /// The sequence of the next record.
  var endSequence: UInt64
  /// The oldest position and sequence that may be read.
  var beginPosition: UInt64
  var beginSequence: UInt64
  /// The number for the next segment file that is made: higher than any that was ever used.
  var nextSegmentNumber: UInt64
  /// The highest epoch found; the caller's is the next one.
  var epoch: UInt64
  /// Prepared, unused files with numbers above those of the log, ascending. Not open.
  var spares: [SpareSegment]
  /// What the checkpoint says, and what the scanned frames changed.
  var content: QueueContent
  /// Where the first frame stands that tells of `content` and is not in the checkpoint; nil when all are.
  var firstStatePosition: UInt64?
  /// The slots of the queue's named cursors.
  var cursorFile: CursorFileContent
  /// The named cursors, those that were removed and are not forgotten yet included.
  var cursors: [RecoveredCursor]
  /// What was found and done.
  var report: RecoveryReport

  /// The flags of the next segment. One that replaces a segment of which only the header survived takes over what
  /// that header said: it cuts off what a truncation did.
  var nextFlags: SegmentUse.Flags {
    guard let last = catalog.last else { return [] }
    return lastIsEmpty
      ? last.use.flags.intersection(.truncation).union(.beginsAfterRecovery) : .beginsAfterRecovery
  }

  /// The `cutPosition` of the next segment: where the log's last frame ends. Nil when no segment is there.
  var nextCutPosition: UInt64? {
    guard let last = catalog.last else { return nil }
    return lastIsEmpty ? last.use.cutPosition : endPosition
  }

  private var lastIsEmpty: Bool { catalog.last.map { endPosition == $0.basePosition } ?? false }
}

/// An unused segment file that an earlier owner had prepared.
struct SpareSegment: Equatable, Sendable {
  /// The running number.
  var number: UInt64
  /// The path, relative to the store's directory.
  var path: String
  /// The bytes of the whole file.
  var byteCount: UInt64
  /// Where the data area ends.
  var footerOffset: UInt64
  /// The size of header block and blocks.
  var blockByteCount: Int
}

/// A frame of types 4...6 that recovery scanned.
struct StateFrame: Equatable, Sendable {
  /// Where it stands.
  var position: UInt64
  /// The sequence of the next record at that place.
  var sequence: UInt64
  /// What it is.
  var type: FrameType
  /// Payload, key and headers.
  var payload: [UInt8]
  var key: [UInt8]
  var headers: [UInt8]
}
