/// Sector 1 of a segment file: what the file is used for now.
///
///     offset  size  field
///          0     8  magic "SPATEUSE"
///          8     4  state             0 unused, 1 used
///         12     4  flags
///         16     8  salt              random, new for each use
///         24     8  basePosition      position of the first byte of the data area; block aligned
///         32     8  baseSequence      sequence of the first record
///         40     8  epoch
///         48     8  fencingEpoch
///         56     8  baseTimestamp     ns since 1970
///         64     8  cutPosition       where the log before this segment ends, exactly
///         72        zero
///        508     4  checksum          CRC-32C of bytes 0..<508
///
/// A prepared file says `unused`, and the epoch that it was prepared in: no record is published in an epoch before a
/// file says durably that it has begun, so a power cut that takes the records does not take the epoch. At the roll the sector is written together with the first frames and made
/// durable by the same sync, so it proves nothing about the segment before it unless a flag says so.
///
/// INVARIANT: `basePosition - blockByteCount < cutPosition <= basePosition`. What earlier segments hold at or
/// beyond `cutPosition` is cut off. A plain value; any thread.
struct SegmentUse: Equatable, Sendable {
  /// The bits of the flags field.
  struct Flags: OptionSet, Hashable, Sendable {
    let rawValue: UInt32
    /// The segment is the first after a recovery: everything below `cutPosition` was synced before.
    static let beginsAfterRecovery = Flags(rawValue: 1)
    /// The segment cuts off records on purpose: everything below `cutPosition` was synced before.
    static let truncation = Flags(rawValue: 2)
    /// Whatever is written to the segment goes past the page cache.
    static let direct = Flags(rawValue: 4)
  }

  /// Whether the segment holds a piece of the log.
  var isUsed: Bool
  /// What the beginning of this segment says about the log before it.
  var flags: Flags
  /// The salt of all stamps of this use.
  var salt: UInt64
  /// The position of the first byte of the data area.
  var basePosition: UInt64
  /// The sequence of the first record.
  var baseSequence: UInt64
  /// The epoch of the queue.
  var epoch: UInt64
  /// The fencing epoch of the queue.
  var fencingEpoch: UInt64
  /// When the use began, in ns since 1970.
  var baseTimestamp: UInt64
  /// Where the log before this segment ends.
  var cutPosition: UInt64

  /// A used segment. `cutPosition` is `basePosition` in a normal roll.
  init(
    salt: UInt64,
    basePosition: UInt64,
    baseSequence: UInt64,
    epoch: UInt64,
    fencingEpoch: UInt64 = 0,
    baseTimestamp: UInt64,
    flags: Flags = [],
    cutPosition: UInt64? = nil
  ) {
    self.isUsed = true
    self.flags = flags
    self.salt = salt
    self.basePosition = basePosition
    self.baseSequence = baseSequence
    self.epoch = epoch
    self.fencingEpoch = fencingEpoch
    self.baseTimestamp = baseTimestamp
    self.cutPosition = cutPosition ?? basePosition
  }

  /// An unused segment.
  static let unused = unused(epoch: 0)

  /// An unused segment that was prepared in an epoch.
  static func unused(epoch: UInt64) -> SegmentUse {
    var use = SegmentUse(salt: 0, basePosition: 0, baseSequence: 0, epoch: epoch, baseTimestamp: 0)
    use.isUsed = false
    return use
  }

  /// Reads sector 1, which begins `Format.useSectorOffset` bytes into the file.
  ///
  /// SAFETY: 512 bytes are readable at `sector`.
  @unsafe
  static func decode(_ sector: UnsafeRawPointer) -> HeaderDecoding<SegmentUse> {
    let reader = unsafe SectorReader(sector)
    guard !reader.isBlank else { return .blank }
    guard reader.u64(0) == Format.useMagic, reader.hasValidChecksum, reader.u32(8) <= 1 else {
      return .damaged
    }
    var use = SegmentUse(
      salt: reader.u64(16),
      basePosition: reader.u64(24),
      baseSequence: reader.u64(32),
      epoch: reader.u64(40),
      fencingEpoch: reader.u64(48),
      baseTimestamp: reader.u64(56),
      flags: Flags(rawValue: reader.u32(12)),
      cutPosition: reader.u64(64)
    )
    use.isUsed = reader.u32(8) == 1
    return use.isConsistent ? .valid(use) : .damaged
  }

  /// Whether the numbers make sense, so that no arithmetic on them can overflow.
  private var isConsistent: Bool {
    cutPosition <= basePosition && max(basePosition, baseSequence, epoch) <= Format.maximalNumber
  }

  /// Writes all 512 bytes of sector 1, checksum included.
  ///
  /// SAFETY: the caller owns 512 writable bytes at `sector`.
  @unsafe
  func encode(into sector: UnsafeMutableRawPointer) {
    let writer = unsafe SectorWriter(sector)
    writer.u64(0, Format.useMagic)
    writer.u32(8, isUsed ? 1 : 0)
    writer.u32(12, flags.rawValue)
    writer.u64(16, salt)
    writer.u64(24, basePosition)
    writer.u64(32, baseSequence)
    writer.u64(40, epoch)
    writer.u64(48, fencingEpoch)
    writer.u64(56, baseTimestamp)
    writer.u64(64, cutPosition)
    writer.finish()
  }
}
