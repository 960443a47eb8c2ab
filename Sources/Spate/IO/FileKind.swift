/// What stands at a path. Symbolic links are followed.
enum FileKind: Sendable {
  /// A regular file.
  case file
  /// A directory.
  case directory
  /// A device, a socket, a link to nowhere.
  case other
}
