extension Storage {
  /// Writes the blocks of a range of a file once more, as they read, and syncs them.
  ///
  /// A sync alone proves nothing of what another process wrote: after one that failed the kernel takes pages for clean
  /// that never got to the medium, and every later sync of them succeeds (Rebello et al., "Can Applications Recover from
  /// fsync Failures?", USENIX ATC 2020). What the medium does not give is passed over. A file system that copies on write
  /// and has no room refuses the writes: the sync alone is left then.
  func rewrite(_ file: StorageFile, _ range: Range<UInt64>) throws(SpateError) {
    let block = Format.minimumBlockByteCount
    let end = try min(Format.alignUp(range.upperBound, to: block), byteCount(of: file))
    let start = Format.alignDown(range.lowerBound, to: block)
    let buffer = BlockBuffer(byteCount: 1 << 20, alignment: block)
    for piece in stride(from: start, to: end, by: buffer.byteCount) {
      let pieceEnd = min(piece + UInt64(buffer.byteCount), end)
      if unsafe try copy(file, piece..<pieceEnd, through: buffer.bytes) { continue }
      for offset in stride(from: piece, to: pieceEnd, by: block) {
        _ = unsafe try copy(file, offset..<min(offset + UInt64(block), pieceEnd), through: buffer.bytes)
      }
    }
    try sync(file)
  }

  /// Reads and writes the same bytes. False when they cannot be read.
  private func copy(
    _ file: StorageFile,
    _ range: Range<UInt64>,
    through buffer: UnsafeMutableRawBufferPointer
  ) throws(SpateError) -> Bool {
    let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<range.count])
    guard let count = unsafe try? read(file, into: bytes, at: range.lowerBound) else { return false }
    do throws(SpateError) {
      try unsafe write(file, UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: range.lowerBound)
    } catch {
      guard error.code == .diskFull else { throw error }
    }
    return true
  }
}
