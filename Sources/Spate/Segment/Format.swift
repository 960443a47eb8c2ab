/// The constants and small computations of the on-disk format, version 1: the one source of both.
///
/// The article <doc:Format> draws the bytes. All integers are little-endian. Every member is pure and may be
/// used on any thread.
enum Format {
  /// The version that this library writes, and the only one it reads.
  static let version: UInt32 = 1
  /// Bits of `requiredFeatures` that this library knows. A set bit beyond them refuses the queue.
  static let knownRequiredFeatures: UInt64 = 0

  /// The smallest block: header block, alignment of chunks and of direct writes.
  static let minimumBlockByteCount = 4096
  /// The largest block that a header may name; anything above is taken for damage.
  static let maximumBlockByteCount = 1 << 20
  /// Chunk frames stand at multiples of this in the data area.
  static let strideByteCount = 1 << 20
  /// The unit that a medium writes whole: the header's two parts each fill one.
  static let sectorByteCount = 512
  /// Where a sector's or a small file's checksum stands: it covers everything before it.
  static let sectorChecksumOffset = 508
  /// Frames begin at multiples of this.
  static let frameAlignment = 8

  /// No position, sequence, epoch, generation or segment number is higher: what names one is damaged. Sums of such
  /// numbers with lengths of files cannot overflow.
  static let maximalNumber: UInt64 = 1 << 62
  /// No segment file is larger: a header that says so is damaged.
  static let maximalSegmentByteCount: UInt64 = 1 << 40

  /// "SPATESEG", the first bytes of a segment file.
  static let identityMagic: UInt64 = 0x4745_5345_5441_5053
  /// "SPATEUSE", the first bytes of the use sector.
  static let useMagic: UInt64 = 0x4553_5545_5441_5053
  /// "SPATEFTR", the first bytes of a footer.
  static let footerMagic: UInt64 = 0x5254_4645_5441_5053
  /// "SPATEQUE", the first bytes of a queue manifest.
  static let manifestMagic: UInt64 = 0x4555_5145_5441_5053
  /// "SPATECKP", the first bytes of a queue checkpoint.
  static let checkpointMagic: UInt64 = 0x504B_4345_5441_5053

  /// "SPATECUR", the first bytes of a named cursor's slot.
  static let cursorMagic: UInt64 = 0x5255_4345_5441_5053

  /// Where the use sector stands in the header block.
  static let useSectorOffset = 512

  /// What a stamp is XORed with to say: nothing more in this block.
  static let paddingMask: UInt64 = 0x5041_4444_5041_4444
  /// In ring memory only: the claim's length is valid, its bytes are not published.
  static let claimedMask: UInt64 = 0x434C_4149_4D45_4421
  /// In ring memory only: the committer gave the claim up.
  static let expiredMask: UInt64 = 0x4558_5049_5245_4421

  /// A footer has an entry for a chunk that begins at least this far after the chunk of the entry before.
  static let footerEntrySpacing: UInt64 = 65536
  /// The smallest segment: header block, one data block, footer, in blocks of 4 KiB.
  static let minimumSegmentByteCount: UInt64 = 16384

  /// What a queue's directory calls its files.
  static let segmentSuffix = ".segment"
  /// A segment file that is being prepared or recycled: it holds nothing and may be deleted.
  static let preparingSuffix = ".preparing"
  /// The queue's manifest, written once.
  static let manifestName = "queue.manifest"
  /// The queue's checkpoint, replaced as a whole.
  static let checkpointName = "queue.checkpoint"
  /// The slots of the queue's named cursors.
  static let cursorsName = "queue.cursors"
  /// Where recovery puts what it cannot use.
  static let asideName = "aside"

  /// The word that makes eight bytes at `position` the beginning of a frame in one use of a segment.
  ///
  /// Never zero, so zeroed space is never a frame.
  @inline(__always)
  static func stamp(salt: UInt64, position: UInt64) -> UInt64 {
    let word = salt ^ (position &* 0x9E37_79B9_7F4A_7C15)
    return word == 0 ? 1 : word
  }

  /// `count` rounded up to a multiple of `alignment`, a power of two.
  @inline(__always)
  static func alignUp(_ count: Int, to alignment: Int) -> Int {
    (count &+ (alignment &- 1)) & ~(alignment &- 1)
  }

  /// `position` rounded up to a multiple of `alignment`, a power of two.
  @inline(__always)
  static func alignUp(_ position: UInt64, to alignment: Int) -> UInt64 {
    let mask = UInt64(truncatingIfNeeded: alignment) &- 1
    return (position &+ mask) & ~mask
  }

  /// `position` rounded down to a multiple of `alignment`, a power of two.
  @inline(__always)
  static func alignDown(_ position: UInt64, to alignment: Int) -> UInt64 {
    position & ~(UInt64(truncatingIfNeeded: alignment) &- 1)
  }

  /// The bytes of a whole frame: header, body and the zeros up to the next multiple of eight.
  @inline(__always)
  static func frameByteCount(bodyByteCount: Int) -> Int {
    FrameHeader.byteCount &+ ((bodyByteCount &+ 7) & ~7)
  }

  /// The bytes kept free for the footer of a segment file of `byteCount` bytes, whole blocks.
  static func footerRegionByteCount(segmentByteCount byteCount: UInt64, blockByteCount: Int) -> UInt64 {
    let entries = byteCount / footerEntrySpacing + 2
    let bytes = UInt64(SegmentFooter.headByteCount) + UInt64(SegmentFooter.entryByteCount) * entries + 4
    return alignUp(bytes, to: blockByteCount)
  }

  /// Where the footer region of a segment file begins, which is where its data area ends; nil when the file
  /// is too small for a header block, a data block and a footer, or is not whole blocks.
  static func footerOffset(segmentByteCount byteCount: UInt64, blockByteCount: Int) -> UInt64? {
    let block = UInt64(blockByteCount)
    guard byteCount % block == 0 else { return nil }
    let region = footerRegionByteCount(segmentByteCount: byteCount, blockByteCount: blockByteCount)
    guard byteCount >= region + 2 * block else { return nil }
    return byteCount - region
  }

  /// Whether a header may name `count` as its block size.
  static func isValidBlockByteCount(_ count: Int) -> Bool {
    count >= minimumBlockByteCount && count <= maximumBlockByteCount && count & (count - 1) == 0
  }

  /// The name of the segment file with a number: sixteen hexadecimal digits and the suffix.
  static func segmentName(_ number: UInt64, suffix: String = segmentSuffix) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits + suffix
  }

  /// The number in a name made by ``segmentName(_:suffix:)``; nil for any other name.
  static func segmentNumber(inName name: String, suffix: String = segmentSuffix) -> UInt64? {
    guard name.utf8.count == 16 + suffix.utf8.count, name.hasSuffix(suffix) else { return nil }
    let digits = name.utf8.prefix(16)
    guard digits.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else { return nil }
    guard let number = UInt64(name.prefix(16), radix: 16), number <= maximalNumber else { return nil }
    return number
  }
}
