import Synchronization

/// A small file that holds room on the disk, so that a full one can be helped: trimming writes a checkpoint before
/// it gives room back.
///
/// Any thread. A store works without it; on a full disk it may not come back until there is room.
final class StoreReserve: Sendable {
  static let name = "spate.reserve"
  /// XFS refuses to make a file of a few KiB until it has about 190 KiB: an inode may need a chunk of inodes.
  private static let byteCount = 256 << 10

  private let storage: any Storage
  private let isThere = Mutex(false)

  /// Makes the file if it is not there and can be made, and as large as it should be.
  init(storage: any Storage) {
    self.storage = storage
    fill()
  }

  /// Gives the room back. False when there is none left.
  func spend() -> Bool {
    isThere.withLock { isThere in
      guard isThere, (try? storage.remove(Self.name)) != nil else { return false }
      isThere = false
      // The blocks are free once the removal is on the disk.
      return (try? storage.syncDirectory(".")) != nil
    }
  }

  /// Takes the room again, if there is any.
  func fill() {
    isThere.withLock { isThere in
      guard !isThere else { return }
      let isOld = ((try? storage.kind(of: Self.name)) ?? nil) != nil
      do throws(SpateError) {
        try take(isOld ? .readWriteBuffered : .createNewBuffered)
        isThere = true
      } catch {
        // A smaller one helps, too.
        isThere = isOld
        if !isOld { try? storage.remove(Self.name) }
      }
    }
  }

  private func take(_ mode: OpenMode) throws(SpateError) {
    let file = try storage.open(Self.name, mode)
    defer { storage.close(file) }
    guard try storage.byteCount(of: file) < UInt64(Self.byteCount) else { return }
    try storage.allocate(file, byteCount: UInt64(Self.byteCount))
    let zeros = BlockBuffer(byteCount: Self.byteCount, alignment: Format.minimumBlockByteCount)
    try unsafe storage.write(file, UnsafeRawBufferPointer(zeros.bytes), at: 0)
  }
}
