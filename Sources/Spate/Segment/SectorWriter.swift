import CSpate

/// Fills one 512-byte header sector, little-endian: zeros first, then fields, then the checksum.
@safe
struct SectorWriter {
  // SAFETY: the initializer's caller owns 512 writable bytes for the life of this value, and every offset
  // that the format names lies inside them.
  private let bytes: UnsafeMutableRawPointer

  /// Zeroes the sector at `bytes`.
  ///
  /// SAFETY: the caller owns 512 writable bytes there while this value is used.
  @unsafe
  init(_ bytes: UnsafeMutableRawPointer) {
    unsafe self.bytes = bytes
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0, count: Format.sectorByteCount)
  }

  /// Stores a 32-bit field.
  func u32(_ offset: Int, _ value: UInt32) {
    precondition(offset >= 0 && offset <= Format.sectorByteCount - 4)
    unsafe bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
  }

  /// Stores a 64-bit field.
  func u64(_ offset: Int, _ value: UInt64) {
    precondition(offset >= 0 && offset <= Format.sectorByteCount - 8)
    unsafe bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
  }

  /// Stores the checksum of everything before it.
  func finish() {
    u32(
      Format.sectorChecksumOffset,
      unsafe spate_crc32c(0, UnsafeRawPointer(bytes), Format.sectorChecksumOffset)
    )
  }
}
