import Synchronization

/// A small file that holds room on the disk, so that a full one can be helped: trimming writes a checkpoint before
/// it gives room back.
///
/// Any thread. A store works without it; on a full disk it may not come back until there is room.
final class StoreReserve: Sendable {
  static let name = "spate.reserve"
  private static let byteCount = 64 << 10

  private let storage: any Storage
  private let isThere = Mutex(false)

  /// Finds out whether the file is there; makes it if it can be made.
  init(storage: any Storage) {
    self.storage = storage
    isThere.withLock { $0 = ((try? storage.kind(of: Self.name)) ?? nil) != nil }
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
      do throws(SpateError) {
        let file = try storage.open(Self.name, .createNewBuffered)
        defer { storage.close(file) }
        try storage.allocate(file, byteCount: UInt64(Self.byteCount))
        let zeros = BlockBuffer(byteCount: Self.byteCount, alignment: Format.minimumBlockByteCount)
        try unsafe storage.write(file, UnsafeRawBufferPointer(zeros.bytes), at: 0)
        isThere = true
      } catch {
        try? storage.remove(Self.name)
      }
    }
  }
}
