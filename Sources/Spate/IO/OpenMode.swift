/// How ``Storage/open(_:_:)`` opens a file.
enum OpenMode: Sendable {
  /// Reading through the page cache.
  case read
  /// Reading past the page cache where the storage is direct: sees what a direct writer wrote. Aligned, then.
  case readDirect
  /// Reading and writing; past the page cache where the storage is direct, and aligned, then.
  case readWrite
  /// As ``readWrite``, of a file that must not exist yet.
  case createNew
  /// Reading and writing through the page cache in every mode.
  case readWriteBuffered
  /// As ``readWriteBuffered``, of a file that must not exist yet.
  case createNewBuffered
}
