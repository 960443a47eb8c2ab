@testable import Spate

/// Makes checksums and stamps of a file's parts right after somebody changed their bytes.
struct ChecksumMender {
  var file: [UInt8]

  /// A header sector or manifest.
  mutating func mendSector(at offset: Int) {
    guard offset + 512 <= file.count else { return }
    put(checksum(offset..<(offset + 508)), at: offset + 508)
  }

  /// The stamp and checksum of a frame of the use that the file's header names.
  mutating func mendFrame(at offset: Int, placesChunk: Bool) {
    let dataOffset = Int(clamping: u32(12))
    guard offset >= dataOffset, offset + FrameHeader.byteCount <= file.count else { return }
    let position = u64(536) &+ UInt64(offset - dataOffset)
    put(Format.stamp(salt: u64(528), position: position), at: offset)
    if placesChunk, file[offset + 24] == FrameType.chunk.rawValue, offset + 40 <= file.count {
      put(position, at: offset + 32)
    }
    let body = file[offset + 24] == FrameType.abandoned.rawValue ? 0 : Int(u32(offset + 12))
    guard offset + FrameHeader.byteCount + body <= file.count else { return }
    put(checksum((offset + 12)..<(offset + FrameHeader.byteCount + body)), at: offset + 8)
  }

  /// A padding word of the use that the file's header names.
  mutating func mendPadding(at offset: Int) {
    let dataOffset = Int(clamping: u32(12))
    guard offset >= dataOffset, offset + 8 <= file.count else { return }
    let position = u64(536) &+ UInt64(offset - dataOffset)
    put(Format.stamp(salt: u64(528), position: position) ^ Format.paddingMask, at: offset)
  }

  /// The salt and checksum of a footer.
  mutating func mendFooter(at offset: Int) {
    guard offset + SegmentFooter.headByteCount + 4 <= file.count else { return }
    put(u64(528), at: offset + 8)
    let end = offset + SegmentFooter.headByteCount + Int(u32(offset + 48)) * SegmentFooter.entryByteCount
    guard end + 4 <= file.count else { return }
    put(checksum(offset..<end), at: end)
  }

  /// A cursor's slot.
  mutating func mendSlot(at offset: Int) {
    let count = Int(u32(offset + 12))
    guard count >= 4, count <= CursorSlot.byteCount, offset + count <= file.count else { return }
    put(checksum(offset..<(offset + count - 4)), at: offset + count - 4)
  }

  /// A checkpoint, which is the whole file.
  mutating func mendCheckpoint() {
    guard file.count >= QueueCheckpoint.headByteCount + 4 else { return }
    put(UInt32(file.count), at: 12)
    put(checksum(0..<(file.count - 4)), at: file.count - 4)
  }

  private func u32(_ offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: u64(offset, byteCount: 4)) }

  private func u64(_ offset: Int, byteCount: Int = 8) -> UInt64 {
    guard offset + byteCount <= file.count else { return 0 }
    return (0..<byteCount).reduce(0) { $0 | UInt64(file[offset + $1]) << (8 * UInt64($1)) }
  }

  private mutating func put(_ word: some FixedWidthInteger, at offset: Int) {
    for index in 0..<(type(of: word).bitWidth / 8) {
      file[offset + index] = UInt8(truncatingIfNeeded: word >> (8 * index))
    }
  }

  private func checksum(_ range: Range<Int>) -> UInt32 {
    var crc = CRC32C()
    unsafe file[range].withUnsafeBytes { unsafe crc.add($0) }
    return crc.value
  }
}
