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
    var offset = Format.alignDown(range.lowerBound, to: block)
    let buffer = BlockBuffer(byteCount: 1 << 20, alignment: block)
    while offset < end {
      var count = Int(min(UInt64(buffer.byteCount), end - offset))
      if unsafe try !copy(
        file,
        at: offset,
        through: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count])
      ) {
        count = min(block, count)
        _ = unsafe try copy(
          file,
          at: offset,
          through: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count])
        )
      }
      offset += UInt64(count)
    }
    try sync(file)
  }

  /// Reads and writes the same bytes. False when they cannot be read.
  private func copy(
    _ file: StorageFile,
    at offset: UInt64,
    through buffer: UnsafeMutableRawBufferPointer
  ) throws(SpateError) -> Bool {
    guard let count = unsafe try? read(file, into: buffer, at: offset) else { return false }
    do throws(SpateError) {
      try unsafe write(file, UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: offset)
    } catch {
      guard error.code == .diskFull else { throw error }
    }
    return true
  }
}
