import CSpate
import Glibc

extension SpateError {
  /// What the engine was doing when the kernel refused: the subject of the message.
  enum SystemOperation: String, Sendable {
    case open = "open the file"
    case openDirectory = "open the directory"
    case inspect = "inspect the file"
    case read = "read the file"
    case write = "write the file"
    case sync = "make the file durable"
    case allocate = "allocate room for the file"
    case lock = "lock the file"
    case createDirectory = "create the directory"
    case list = "list the directory"
    case rename = "rename the file"
    case remove = "remove the file"
    case syncDirectory = "make the directory durable"
    case map = "map the file into memory"
    case makeRing = "set up io_uring"
    case submit = "submit to io_uring"
  }

  /// The error for an errno: the one place that maps the kernel's numbers to codes and remedies.
  ///
  /// Any thread. A failed sync is always ``Code/syncFailed``: the kernel may have dropped the bytes, whatever
  /// the number says. Numbers without a case of their own become ``Code/ioFailed`` and are carried unchanged.
  static func system(_ number: Int32, _ operation: SystemOperation, path: String? = nil) -> SpateError {
    let (code, remedy) = meaning(of: number, operation)
    return SpateError(
      code,
      "Could not \(operation.rawValue): \(text(of: number)). \(remedy)",
      systemErrorNumber: number,
      path: path
    )
  }

  /// The code and the advice for an errno.
  private static func meaning(of number: Int32, _ operation: SystemOperation) -> (Code, String) {
    if operation == .sync || operation == .syncDirectory, !isArgumentError(number) {
      return (
        .syncFailed, "Bytes that were not acknowledged are in doubt: check the disk, then reopen the store."
      )
    }
    return switch number {
    case ENOENT: (.notFound, "Check the path.")
    case ENOTDIR: (.wrongKind, "A part of the path is a file: check the path.")
    case EISDIR: (.wrongKind, "The path is a directory: check the path.")
    case EEXIST, ENOTEMPTY: (.wrongKind, "Something is there already: check who else uses the directory.")
    case EACCES, EPERM: (.permissionDenied, "Give this process access to the store's directory.")
    case EROFS: (.permissionDenied, "The file system is read-only: remount it, or open the store read-only.")
    case ENOSPC: (.diskFull, "Free some room; appending resumes by itself.")
    case EDQUOT: (.diskFull, "The disk quota is used up: free some room or raise the quota.")
    case EFBIG: (.diskFull, "The file would pass a size limit: raise RLIMIT_FSIZE or make segments smaller.")
    case EMFILE: (.resourceExhausted, "This process has too many open files: raise RLIMIT_NOFILE.")
    case ENFILE: (.resourceExhausted, "The system has too many open files: close some, or raise fs.file-max.")
    case ENOMEM, EAGAIN:
      (.resourceExhausted, "The system is short of memory: free some, or raise the limits.")
    case ENOLCK: (.unsupported, "The file system gives no locks: put the store on a local one.")
    case ENOSYS, EOPNOTSUPP:
      (
        .unsupported,
        "The kernel, a sandbox or the file system lacks this: use a local file system and Linux 5.15."
      )
    case EBUSY, ETXTBSY: (.busy, "Something else uses it: close that first.")
    case ENAMETOOLONG: (.invalidArgument, "Use a shorter name or path.")
    case ELOOP: (.invalidArgument, "The path has too many symbolic links: use a plain path.")
    case EFAULT where operation == .map:
      (.ioFailed, "The range is beyond the end of the file, or a sector is bad: check the disk.")
    case EINVAL where operation == .write || operation == .read:
      (.ioFailed, "The file system refused the alignment or the size: open the store with buffered files.")
    case EIO: (.ioFailed, "The device reported a failure: check the disk and the kernel log.")
    default: (.ioFailed, "Check the disk and the kernel log.")
    }
  }

  /// Whether the errno says that the descriptor or path was wrong, so that nothing was tried on the medium.
  private static func isArgumentError(_ number: Int32) -> Bool {
    [EBADF, ENOENT, ENOTDIR, EACCES, EMFILE, ENFILE].contains(number)
  }

  /// The C library's text for an errno.
  private static func text(of number: Int32) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
      // SAFETY: the text is the buffer or a static string, terminated within its bounds, and copied here.
      unsafe String(cString: spate_error_text(number, buffer.baseAddress, buffer.count))
    }
  }
}
