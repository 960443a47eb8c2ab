/// A segment's file that cursors read: open as long as somebody refers to it. Any thread.
///
/// A cursor keeps it from one window of the segment to the next: the kernel then reads ahead in large pieces, and the
/// pages that it makes of them are read three times as fast as those of a file that is opened for each window.
final class OpenSegment: Sendable {
  /// The segment.
  let number: UInt64
  /// Its file.
  let file: StorageFile
  private let storage: any Storage

  /// Takes an open file over.
  init(number: UInt64, file: StorageFile, storage: any Storage) {
    self.number = number
    self.file = file
    self.storage = storage
  }

  deinit { storage.close(file) }
}
