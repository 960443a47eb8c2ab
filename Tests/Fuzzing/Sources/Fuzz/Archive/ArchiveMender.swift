/// Makes the checksums of an archive right after somebody changed its bytes.
enum ArchiveMender {
  /// Mends header, records and trailer, as far as the lengths lead.
  static func mend(_ bytes: inout [UInt8], mendsTrailer: Bool) {
    let head = Int(u32(bytes, 12))
    guard head >= ArchiveFormat.headByteCount + 4, head <= bytes.count else { return }
    put(checksum(bytes, 0..<(head - 4)), at: head - 4, in: &bytes)
    var chain = CRC32C()
    chain.add(u32(bytes, head - 4))
    var offset = head
    var count: UInt64 = 0
    while offset + ArchiveFormat.recordHeadByteCount <= bytes.count {
      if u32(bytes, offset + 4) == ArchiveFormat.trailerMark {
        guard mendsTrailer, offset + ArchiveFormat.trailerByteCount <= bytes.count else { return }
        put(count, at: offset + 16, in: &bytes)
        put(UInt64(offset - head), at: offset + 24, in: &bytes)
        put(chain.value, at: offset + 32, in: &bytes)
        let trailer = (offset + 4)..<(offset + ArchiveFormat.trailerByteCount)
        put(checksum(bytes, trailer), at: offset, in: &bytes)
        return
      }
      let key = Int(UInt16(truncatingIfNeeded: u32(bytes, offset + 24)))
      let body = Int(u32(bytes, offset + 4)) + key + Int(u32(bytes, offset + 28))
      let end = offset + ArchiveFormat.recordHeadByteCount + body
      guard end <= bytes.count else { return }
      put(checksum(bytes, (offset + 4)..<end), at: offset, in: &bytes)
      chain.add(u32(bytes, offset))
      count += 1
      offset = end
    }
  }

  private static func u32(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
    guard offset + 4 <= bytes.count else { return 0 }
    return (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
  }

  private static func put(_ word: some FixedWidthInteger, at offset: Int, in bytes: inout [UInt8]) {
    for index in 0..<(type(of: word).bitWidth / 8) {
      bytes[offset + index] = UInt8(truncatingIfNeeded: word >> (8 * index))
    }
  }

  private static func checksum(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
    var crc = CRC32C()
    unsafe bytes[range].withUnsafeBytes { unsafe crc.add($0) }
    return crc.value
  }
}
