import CSpate

/// Reads the fields of one 512-byte header sector, little-endian. For the length of a decoding only.
@safe
struct SectorReader {
  // SAFETY: the initializer's caller promises 512 readable bytes for the life of this value, and every offset
  // that the format names lies inside them.
  private let bytes: UnsafeRawPointer

  /// Reads at `bytes`.
  ///
  /// SAFETY: 512 bytes are readable there while this value is used.
  @unsafe
  init(_ bytes: UnsafeRawPointer) { unsafe self.bytes = bytes }

  /// The 32-bit field at an offset below 509.
  func u32(_ offset: Int) -> UInt32 {
    precondition(offset >= 0 && offset <= Format.sectorByteCount - 4)
    return unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// The 64-bit field at an offset below 505.
  func u64(_ offset: Int) -> UInt64 {
    precondition(offset >= 0 && offset <= Format.sectorByteCount - 8)
    return unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// Whether all 512 bytes are zero.
  var isBlank: Bool {
    stride(from: 0, to: Format.sectorByteCount, by: 8).allSatisfy { u64($0) == 0 }
  }

  /// Whether the last four bytes are the checksum of the others.
  var hasValidChecksum: Bool {
    unsafe spate_crc32c(0, bytes, Format.sectorChecksumOffset) == u32(Format.sectorChecksumOffset)
  }
}
