import CSpate

/// The index of a sealed segment, behind its data area. A hint: it may be deleted at any time.
///
///     offset  size  field
///          0     8  magic "SPATEFTR"
///          8     8  salt              of the use that it describes
///         16     8  endPosition       the log was durable up to here when this was written
///         24     8  endSequence       the sequence after the last record
///         32     8  firstTimestamp    of the first record; 0 when there is none
///         40     8  lastTimestamp     of the last record
///         48     4  entryCount
///         52     4  zero
///         56     8  recordCount
///         64  24×n  entries: position, sequence, timestamp of a chunk frame each, in order
///          …     4  checksum          CRC-32C of everything before it
///
/// An entry stands for each chunk that begins at least 64 KiB after the chunk of the entry before it. The
/// footer is written after the segment's last byte is durable, so it proves `endPosition`. Plain value; any
/// thread.
struct SegmentFooter: Equatable, Sendable {
  /// The bytes before the first entry.
  static let headByteCount = 64
  /// The bytes of an entry.
  static let entryByteCount = 24

  /// A chunk's place.
  struct Entry: Equatable, Sendable {
    var position: UInt64
    var sequence: UInt64
    var timestamp: UInt64
  }

  /// The salt of the use that the footer describes.
  var salt: UInt64
  /// Where the segment's records end.
  var endPosition: UInt64
  /// The sequence after the last record.
  var endSequence: UInt64
  /// The time of the first record.
  var firstTimestamp: UInt64
  /// The time of the last record.
  var lastTimestamp: UInt64
  /// How many records the segment holds.
  var recordCount: UInt64
  /// Chunks, thinned out, in order.
  var entries: [Entry] = []

  /// A footer without entries.
  init(
    salt: UInt64,
    endPosition: UInt64 = 0,
    endSequence: UInt64 = 0,
    firstTimestamp: UInt64 = 0,
    lastTimestamp: UInt64 = 0,
    recordCount: UInt64 = 0
  ) {
    self.salt = salt
    self.endPosition = endPosition
    self.endSequence = endSequence
    self.firstTimestamp = firstTimestamp
    self.lastTimestamp = lastTimestamp
    self.recordCount = recordCount
  }

  /// The bytes of the encoded footer.
  var byteCount: Int { Self.headByteCount + entries.count * Self.entryByteCount + 4 }

  /// Adds a chunk if it begins far enough behind the last entry, and there is room for it in a footer region
  /// of `regionByteCount` bytes.
  mutating func add(chunkAt position: UInt64, sequence: UInt64, timestamp: UInt64, regionByteCount: Int) {
    if let last = entries.last, position < last.position + Format.footerEntrySpacing { return }
    guard byteCount + Self.entryByteCount <= regionByteCount else { return }
    entries.append(Entry(position: position, sequence: sequence, timestamp: timestamp))
  }

  /// Reads a footer region; nil when it holds anything but a whole footer of the use with `salt`.
  ///
  /// SAFETY: `region` is readable.
  @unsafe
  init?(decoding region: UnsafeRawBufferPointer, salt expectedSalt: UInt64) {
    guard region.count >= Self.headByteCount + 4,
      unsafe Self.u64(region, 0) == Format.footerMagic, unsafe Self.u64(region, 8) == expectedSalt
    else { return nil }
    let count = unsafe Int(UInt32(truncatingIfNeeded: Self.u64(region, 48)))
    guard count <= (region.count - Self.headByteCount - 4) / Self.entryByteCount else { return nil }
    let end = Self.headByteCount + count * Self.entryByteCount
    let stored = unsafe UInt32(
      littleEndian: region.loadUnaligned(fromByteOffset: end, as: UInt32.self)
    )
    guard unsafe spate_crc32c(0, region.baseAddress!, end) == stored else { return nil }
    salt = expectedSalt
    unsafe endPosition = Self.u64(region, 16)
    unsafe endSequence = Self.u64(region, 24)
    unsafe firstTimestamp = Self.u64(region, 32)
    unsafe lastTimestamp = Self.u64(region, 40)
    unsafe recordCount = Self.u64(region, 56)
    entries = (0..<count).map { index in
      let offset = Self.headByteCount + index * Self.entryByteCount
      return unsafe Entry(
        position: Self.u64(region, offset),
        sequence: Self.u64(region, offset + 8),
        timestamp: Self.u64(region, offset + 16)
      )
    }
  }

  /// Writes `byteCount` bytes at the beginning of `region`, which must be at least as large.
  ///
  /// SAFETY: the caller owns `region`.
  @unsafe
  func encode(into region: UnsafeMutableRawBufferPointer) {
    precondition(region.count >= byteCount, "the footer does not fit its region")
    let words: [UInt64] = [
      Format.footerMagic, salt, endPosition, endSequence, firstTimestamp, lastTimestamp,
      UInt64(entries.count), recordCount,
    ]
    for (index, word) in words.enumerated() { unsafe Self.store(word, region, index * 8) }
    for (index, entry) in entries.enumerated() {
      let offset = Self.headByteCount + index * Self.entryByteCount
      unsafe Self.store(entry.position, region, offset)
      unsafe Self.store(entry.sequence, region, offset + 8)
      unsafe Self.store(entry.timestamp, region, offset + 16)
    }
    let end = byteCount - 4
    let checksum = unsafe spate_crc32c(0, UnsafeRawPointer(region.baseAddress!), end)
    unsafe region.storeBytes(of: checksum.littleEndian, toByteOffset: end, as: UInt32.self)
  }

  // SAFETY of both: callers compared the offset with the region's size.
  @unsafe
  private static func u64(_ region: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
    unsafe UInt64(littleEndian: region.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @unsafe
  private static func store(_ word: UInt64, _ region: UnsafeMutableRawBufferPointer, _ offset: Int) {
    unsafe region.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
  }
}
