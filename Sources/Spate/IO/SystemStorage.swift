import CSpate
import Glibc

/// The real disk: a directory, and how this machine reads and writes it best.
///
/// Immutable after the initializer, so any thread may use it. Holds a descriptor of the root directory:
/// relative paths are resolved against that, wherever the process changes to.
final class SystemStorage: Storage {
  let description: StorageDescription
  let failedSyncs = FailedSyncs()
  let blockByteCount: Int
  /// The descriptor of the root directory.
  let rootDescriptor: Int32
  /// How many operations a submission queue has in flight.
  private let queueCapacity: Int
  /// What one call may carry here.
  let limits: WriteLimits

  /// Opens an existing directory and finds out what works in it.
  ///
  /// - Parameters:
  ///   - root: the directory.
  ///   - strategy: the strategy to use; nil takes io_uring where it works.
  ///   - mode: the file mode to use; nil takes direct files where they work.
  ///   - readOnly: true looks without writing: no probe file is made, and the queue's strategy does not
  ///     matter.
  ///   - queueCapacity: how many operations a submission queue has in flight.
  ///   - refusals: what to take for refused by the machine; for tests.
  ///
  /// Leaves nothing behind in the directory. Throws when there is no such directory, it cannot be written, it
  /// lies on a network file system without usable locks, or a strategy or mode that was asked for does not
  /// work.
  init(
    root: String,
    strategy: IOStrategy? = nil,
    mode: FileMode? = nil,
    readOnly: Bool = false,
    queueCapacity: Int = 256,
    refusals: StorageProbe.Refusals = []
  ) throws(SpateError) {
    let descriptor = unsafe spate_openat(AT_FDCWD, root, UInt32(SPATE_OPEN_DIRECTORY))
    if descriptor < 0 { throw .system(-descriptor, .openDirectory, path: root) }
    do throws(SpateError) {
      let probe = StorageProbe(root: root, descriptor: descriptor, refusals: refusals)
      let found = try probe.run(strategy: strategy, mode: mode, readOnly: readOnly)
      description = found.description
      blockByteCount = found.description.blockByteCount
      limits = found.limits
    } catch {
      spate_close(descriptor)
      throw error
    }
    rootDescriptor = descriptor
    self.queueCapacity = queueCapacity
  }

  deinit { spate_close(rootDescriptor) }

  /// Makes the directory `path` if it is not there, and its name durable. Its parent must exist.
  static func createRoot(_ path: String) throws(SpateError) {
    // SAFETY: the paths are terminated copies that live for the calls.
    let made = unsafe spate_mkdirat(AT_FDCWD, path)
    if made == -EEXIST, unsafe spate_kind(AT_FDCWD, path) == Int32(SPATE_KIND_DIRECTORY) { return }
    if made < 0 { throw .system(-made, .createDirectory, path: path) }
    let descriptor = unsafe spate_openat(AT_FDCWD, path + "/..", UInt32(SPATE_OPEN_DIRECTORY))
    if descriptor < 0 { throw .system(-descriptor, .openDirectory, path: path + "/..") }
    defer { spate_close(descriptor) }
    let result = spate_fsync(descriptor)
    if result < 0 { throw .system(-result, .syncDirectory, path: path + "/..") }
  }

  func makeSubmissionQueue() throws(SpateError) -> any SubmissionQueue {
    let writesAtOnce = description.mode == .buffered
    return switch description.strategy {
    case .ioUring:
      try UringSubmissionQueue(capacity: queueCapacity, limits: limits, writesAtOnce: writesAtOnce)
    case .systemCalls:
      SyscallSubmissionQueue(capacity: queueCapacity, limits: limits, writesAtOnce: writesAtOnce)
    }
  }

  /// The error for a file's errno, with the path that the kernel knows for it.
  func failure(_ number: Int32, _ operation: SpateError.SystemOperation, _ file: StorageFile) -> SpateError {
    let path = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer -> String? in
      // SAFETY: the text ends with a zero within the buffer when the length is not negative; it is copied
      // here.
      guard unsafe spate_descriptor_path(file.descriptor, buffer.baseAddress, buffer.count) >= 0 else {
        return nil
      }
      return unsafe String(cString: buffer.baseAddress.unsafelyUnwrapped)
    }
    return .system(number, operation, path: path)
  }
}
