import CSpate

/// Sector 0 of a segment file: which file this is and how it is divided.
///
///     offset  size  field
///          0     8  magic "SPATESEG"
///          8     4  formatVersion
///         12     4  blockByteCount     header block, alignment of chunks; 4096 or a larger power of two
///         16     8  requiredFeatures   bits that a reader must know
///         24     8  optionalFeatures   bits that a reader may pass over
///         32     8  segmentNumber
///         40     8  byteCount          of the whole file
///         48     8  footerOffset       the end of the data area
///         56     4  strideByteCount
///         60     4  zero
///         64    16  queueIdentifier
///         80     8  createdTimestamp   ns since 1970
///         88        zero
///        508     4  checksum           CRC-32C of bytes 0..<508
///
/// Written and synced when the file is prepared, before it gets its name, and never again in that life of the
/// file. A plain value; any thread.
struct SegmentIdentity: Equatable, Sendable {
  /// The size of the header block, and of the blocks that direct writes keep to.
  var blockByteCount: Int
  /// Bits that a reader must know.
  var requiredFeatures: UInt64 = 0
  /// Bits that a reader may pass over.
  var optionalFeatures: UInt64 = 0
  /// The running number, the same as in the file's name.
  var segmentNumber: UInt64
  /// The bytes of the whole file.
  var byteCount: UInt64
  /// Where the data area ends and the footer region begins.
  var footerOffset: UInt64
  /// Chunk frames stand at multiples of this in the data area.
  var strideByteCount: Int = Format.strideByteCount
  /// The queue that the file belongs to.
  var queueIdentifier: QueueIdentifier
  /// When the file was prepared, in ns since 1970.
  var createdTimestamp: UInt64

  /// Where the data area begins.
  var dataOffset: UInt64 { UInt64(blockByteCount) }

  /// Reads sector 0.
  ///
  /// SAFETY: 512 bytes are readable at `sector`.
  @unsafe
  static func decode(_ sector: UnsafeRawPointer) -> HeaderDecoding<SegmentIdentity> {
    let reader = unsafe SectorReader(sector)
    guard !reader.isBlank else { return .blank }
    guard reader.u64(0) == Format.identityMagic, reader.hasValidChecksum else { return .damaged }
    let version = reader.u32(8)
    let required = reader.u64(16)
    guard version == Format.version, required & ~Format.knownRequiredFeatures == 0 else {
      return .unsupported(version: version, requiredFeatures: required)
    }
    let identity = SegmentIdentity(
      blockByteCount: Int(reader.u32(12)),
      requiredFeatures: required,
      optionalFeatures: reader.u64(24),
      segmentNumber: reader.u64(32),
      byteCount: reader.u64(40),
      footerOffset: reader.u64(48),
      strideByteCount: Int(reader.u32(56)),
      queueIdentifier: QueueIdentifier(high: reader.u64(64), low: reader.u64(72)),
      createdTimestamp: reader.u64(80)
    )
    return identity.isConsistent ? .valid(identity) : .damaged
  }

  /// Writes all 512 bytes of sector 0, checksum included.
  ///
  /// SAFETY: the caller owns 512 writable bytes at `sector`.
  @unsafe
  func encode(into sector: UnsafeMutableRawPointer) {
    let writer = unsafe SectorWriter(sector)
    writer.u64(0, Format.identityMagic)
    writer.u32(8, Format.version)
    writer.u32(12, UInt32(blockByteCount))
    writer.u64(16, requiredFeatures)
    writer.u64(24, optionalFeatures)
    writer.u64(32, segmentNumber)
    writer.u64(40, byteCount)
    writer.u64(48, footerOffset)
    writer.u32(56, UInt32(strideByteCount))
    writer.u64(64, queueIdentifier.high)
    writer.u64(72, queueIdentifier.low)
    writer.u64(80, createdTimestamp)
    writer.finish()
  }

  /// Whether the division of the file makes sense, so that no arithmetic on it can overflow.
  private var isConsistent: Bool {
    Format.isValidBlockByteCount(blockByteCount)
      && byteCount <= Format.maximalSegmentByteCount && segmentNumber <= Format.maximalNumber
      && footerOffset % UInt64(blockByteCount) == 0
      && footerOffset >= 2 * dataOffset && footerOffset <= byteCount
      && strideByteCount >= blockByteCount && strideByteCount & (strideByteCount - 1) == 0
  }
}
