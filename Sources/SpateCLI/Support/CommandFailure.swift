import Glibc
import Spate

/// Why a command ends before it is done, and with which exit code.
struct CommandFailure: Error {
  /// The command failed.
  static let failureCode: Int32 = 1
  /// The arguments make no sense.
  static let usageCode: Int32 = 2
  /// Something stored is damaged.
  static let damageCode: Int32 = 3

  /// What is wrong and what to do, in one line; nil when there is nothing to say.
  var message: String?
  /// The exit code.
  var exitCode: Int32
  /// The signal that the process ends by instead.
  var signal: Int32?

  /// A failure with a message.
  static func failed(_ message: String) -> CommandFailure {
    CommandFailure(message: message, exitCode: failureCode)
  }

  /// Damage was found and told already, or is told by `message`.
  static func damaged(_ message: String? = nil) -> CommandFailure {
    CommandFailure(message: message, exitCode: damageCode)
  }

  /// Nobody reads the output any more: a quiet end.
  static let outputClosed = CommandFailure(message: nil, exitCode: 0)

  /// A signal stopped the command; what it had begun is finished.
  static func interrupted(by signal: Int32, _ message: String? = nil) -> CommandFailure {
    CommandFailure(message: message, exitCode: 128 + signal, signal: signal)
  }

  /// A system call failed.
  static func system(_ action: String, _ path: String, errno number: Int32 = errno) -> CommandFailure {
    failed("could not \(action): \(text(of: number)) [\(path)]")
  }

  /// The C library's text for an errno.
  static func text(of number: Int32) -> String {
    // SAFETY: a terminated text of this thread's, copied here.
    unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
  }
}
