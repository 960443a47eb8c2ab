/// The constants of the archive format, version 1: what `export` writes and `import` reads. The library's article
/// on formats draws the bytes.
enum ArchiveFormat {
  /// "SPATEARC", the first bytes.
  static let magic: UInt64 = 0x4352_4145_5441_5053
  /// "SPATEEND", the last bytes of a whole archive.
  static let endMagic: UInt64 = 0x444E_4545_5441_5053
  /// The version that is written, and the only one that is read.
  static let version: UInt32 = 1
  /// The bytes of the header before the queue's name.
  static let headByteCount = 48
  /// The bytes before a record's payload.
  static let recordHeadByteCount = 32
  /// What stands in the place of a payload's length in the trailer.
  static let trailerMark = UInt32.max
  /// The bytes of the trailer.
  static let trailerByteCount = 48
  /// The most bytes of a payload or of headers; more is taken for damage.
  static let maximalByteCount = 1 << 30
  /// No sequence is higher; more is taken for damage.
  static let maximalSequence: UInt64 = 1 << 62
}

/// Little-endian fields in a few bytes.
struct FieldBytes {
  private(set) var bytes: [UInt8]

  /// So many zeros.
  init(byteCount: Int) { bytes = [UInt8](repeating: 0, count: byteCount) }

  /// Puts a number at an offset.
  mutating func put(_ number: some FixedWidthInteger, at offset: Int) {
    for index in 0..<(type(of: number).bitWidth / 8) {
      bytes[offset + index] = UInt8(truncatingIfNeeded: number >> (8 * index))
    }
  }

  /// The checksum of a part.
  func checksum(_ range: Range<Int>) -> UInt32 {
    var crc = CRC32C()
    unsafe bytes[range].withUnsafeBytes { unsafe crc.add($0) }
    return crc.value
  }
}
