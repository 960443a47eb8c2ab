/// What one segment file says of itself: a picture of one moment.
public struct SegmentInspection: Sendable {
  /// What a footer says: a summary of a sealed segment, written once its records were durable.
  public struct Footer: Sendable {
    /// Where the records end, in bytes from the start of the log.
    public let endPosition: UInt64
    /// The sequence after the last record.
    public let endSequence: UInt64
    /// How many records the segment holds.
    public let recordCount: UInt64
    /// The times of the first and the last record, ns since 1970; 0 when there is none.
    public let firstTimestamp: UInt64
    public let lastTimestamp: UInt64
    /// How many chunks it lists for searches.
    public let entryCount: Int
  }

  /// The running number in the file's name.
  public let number: UInt64
  /// The file, relative to the store's directory.
  public let path: String
  /// The bytes of the whole file.
  public let byteCount: UInt64
  /// The bytes of the header block, and of the blocks that are written.
  public let blockByteCount: Int
  /// Where the data area ends and the footer region begins, in the file.
  public let footerOffset: UInt64
  /// Whether the segment holds a piece of the log; a prepared file does not yet.
  public let isUsed: Bool
  /// Whether the segment is the first one after a recovery.
  public let beginsAfterRecovery: Bool
  /// Whether the segment cuts off records that an explicit truncation gave up.
  public let truncates: Bool
  /// The word that makes the stamps of this use of the file its own.
  public let salt: UInt64
  /// The position of the first byte of the data area.
  public let basePosition: UInt64
  /// The sequence of the first record.
  public let baseSequence: UInt64
  /// The epoch in which the segment was begun.
  public let epoch: UInt64
  /// The fencing epoch at that time.
  public let fencingEpoch: UInt64
  /// When the segment was begun, ns since 1970.
  public let baseTimestamp: UInt64
  /// Where the log before this segment ends.
  public let cutPosition: UInt64
  /// Where the records end, as far as it was found; nil while that is open.
  public let endPosition: UInt64?
  /// The sequence after the last record, as far as it was found.
  public let endSequence: UInt64?
  /// Whether damage is known inside.
  public let isDamaged: Bool
  /// The footer; nil when there is none, as in the newest segment, or none that can be believed.
  public let footer: Footer?

  init(_ segment: SegmentDescription, footer: SegmentFooter?) {
    number = segment.number
    path = segment.path
    byteCount = segment.byteCount
    blockByteCount = segment.blockByteCount
    footerOffset = segment.footerOffset
    isUsed = segment.use.isUsed
    beginsAfterRecovery = segment.use.flags.contains(.beginsAfterRecovery)
    truncates = segment.use.flags.contains(.truncation)
    salt = segment.salt
    basePosition = segment.basePosition
    baseSequence = segment.baseSequence
    epoch = segment.epoch
    fencingEpoch = segment.use.fencingEpoch
    baseTimestamp = segment.baseTimestamp
    cutPosition = segment.use.cutPosition
    endPosition = segment.endPosition
    endSequence = segment.endSequence
    isDamaged = segment.isDamaged
    self.footer = footer.map { footer in
      Footer(
        endPosition: footer.endPosition,
        endSequence: footer.endSequence,
        recordCount: footer.recordCount,
        firstTimestamp: footer.firstTimestamp,
        lastTimestamp: footer.lastTimestamp,
        entryCount: footer.entries.count
      )
    }
  }

  init(spare: SpareSegment) {
    self.init(
      SegmentDescription(
        number: spare.number,
        path: spare.path,
        byteCount: spare.byteCount,
        footerOffset: spare.footerOffset,
        blockByteCount: spare.blockByteCount,
        use: .unused
      ),
      footer: nil
    )
  }
}
