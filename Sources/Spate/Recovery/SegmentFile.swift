import CSpate
import Glibc

/// One segment file under recovery: open, locked where that was asked for, and read with care.
///
/// A block that the medium refuses to read counts as zeros, so it is judged like any other damage. One
/// thread.
final class SegmentFile {
  /// Where the file is.
  let storage: any Storage
  /// Its path.
  let path: String
  /// The open file.
  let file: StorageFile
  /// Its size on the file system, whatever its header says.
  let byteCount: UInt64
  private let mayLock: Bool
  private let prefetching: (any PrefetchingStorage)?
  /// Whether this open holds the write lock.
  private(set) var isLocked = false
  /// How many bytes were asked for.
  private(set) var readByteCount: UInt64 = 0

  /// Opens the file through the page cache: for reading only, unless it is to be locked.
  convenience init(storage: any Storage, path: String, mayLock: Bool = false) throws(SpateError) {
    let file = try storage.open(path, mayLock ? .readWriteBuffered : .read)
    try self.init(storage: storage, path: path, open: file, mayLock: mayLock)
  }

  /// Takes over a file that is open; it is closed with this, or when this fails.
  init(storage: any Storage, path: String, open file: StorageFile, mayLock: Bool = false) throws(SpateError) {
    self.storage = storage
    self.path = path
    self.file = file
    self.mayLock = mayLock
    prefetching = storage as? any PrefetchingStorage
    do throws(SpateError) { byteCount = try storage.byteCount(of: file) } catch {
      storage.close(file)
      throw error
    }
  }

  deinit { storage.close(file) }

  /// Takes the write lock, so that nothing that a dead owner had in flight can change the file any more.
  /// Tries until `deadline` (monotonic ns; 0 = once); returns whether it was had. A file that was opened for
  /// reading only is left to its writer.
  func lock(until deadline: UInt64) throws(SpateError) -> Bool {
    guard mayLock else { return true }
    while !isLocked {
      isLocked = try storage.tryLock(file, .writing)
      if isLocked || spate_now_monotonic_ns() >= deadline { break }
      spate_sleep_us(500)
    }
    return isLocked
  }

  /// Fills `bytes` from `offset` on; what the file does not have, or the medium does not give, is zeros.
  ///
  /// SAFETY: the caller owns `bytes`.
  @unsafe
  func read(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) {
    readByteCount += UInt64(bytes.count)
    if let count = unsafe try? storage.read(file, into: bytes, at: offset) {
      unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[count...]).initializeMemory(
        as: UInt8.self,
        repeating: 0
      )
      return
    }
    let block = UInt64(Format.minimumBlockByteCount)
    var position = 0
    while position < bytes.count {
      let next = min(bytes.count, position + Int(block - (offset + UInt64(position)) % block))
      let part = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[position..<next])
      let count = unsafe (try? storage.read(file, into: part, at: offset + UInt64(position))) ?? 0
      unsafe UnsafeMutableRawBufferPointer(rebasing: part[count...]).initializeMemory(
        as: UInt8.self,
        repeating: 0
      )
      position = next
    }
  }

  /// Hints that a range will be read soon, where the storage can pass that on.
  func prefetch(at offset: UInt64, byteCount: Int) {
    prefetching?.prefetch(file, at: offset, byteCount: byteCount)
  }
}

/// A storage that can begin to read before it is asked to: many small cold reads then cost one wait, not
/// many.
protocol PrefetchingStorage: Storage {
  /// Hints that a range will be read soon. Never fails, never waits.
  func prefetch(_ file: StorageFile, at offset: UInt64, byteCount: Int)
}
