/// What an open-file-description lock is for. Each stands on a byte of its own, far behind any file's end, so
/// that readers and the writer of one file do not meet.
enum FileLock: Sendable {
  /// Exclusive: the owner of the file, or of the store, who alone may write.
  case writing
  /// Shared: readers in other processes, as long as they look at the file.
  case reading
  /// Exclusive against ``reading``: the owner, while it makes another segment of the file.
  case reusing

  /// The byte that is locked.
  var offset: UInt64 {
    switch self {
    case .writing: 1 << 62
    case .reading, .reusing: 1 << 62 + 1
    }
  }

  /// Whether nobody else may hold a lock on the byte.
  var isExclusive: Bool { self != .reading }
}
