import Glibc

/// A file that gets its name once it is whole and on the disk; what there was under that name stays until then.
final class NewFile {
  private let path: String
  /// Where the bytes go until then.
  let temporaryPath: String
  /// The open file.
  let descriptor: Int32
  private var isFinished = false

  /// Makes the file.
  init(path: String) throws {
    self.path = path
    temporaryPath = path + ".new"
    descriptor = unsafe open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw CommandFailure.system("make the file", temporaryPath) }
  }

  deinit {
    close(descriptor)
    if !isFinished { _ = unsafe unlink(temporaryPath) }
  }

  /// Makes the file durable and gives it its name.
  func finish() throws {
    guard fsync(descriptor) == 0 else { throw CommandFailure.system("make the file durable", temporaryPath) }
    guard unsafe rename(temporaryPath, path) == 0 else {
      throw CommandFailure.system("rename the file", temporaryPath)
    }
    isFinished = true
    let parent = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let directory = unsafe open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return }
    fsync(directory)
    close(directory)
  }
}
