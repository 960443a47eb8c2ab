/// How operations reach the kernel. Chosen by probing unless the caller fixes it.
public enum IOStrategy: Sendable, Hashable {
  /// Submission and completion rings: many files are written and synced at once.
  case ioUring
  /// Plain calls, one after another: works in containers that block io_uring.
  case systemCalls
}

extension IOStrategy: CustomStringConvertible {
  /// The strategy's name in prose.
  public var description: String {
    switch self {
    case .ioUring: "io_uring"
    case .systemCalls: "system calls"
    }
  }
}
