import CSpateHandles
import CSpateInterface
import Spate

/// Runs the body of a function of the C interface. A failure is written to `error`, and its code returned.
@inline(__always)
func reporting(
  to error: UnsafeMutablePointer<spate_error>?,
  _ body: () throws(SpateError) -> Int32
) -> Int32 {
  do throws(SpateError) {
    return try body()
  } catch let failure {
    return unsafe report(failure, to: error)
  }
}

/// Writes a failure where the caller wants it, and returns its code. Leaves structs alone that are too small.
@inline(never)
func report(_ failure: SpateError, to error: UnsafeMutablePointer<spate_error>?) -> Int32 {
  let code = -failure.code.rawValue
  guard let error = unsafe error, unsafe error.pointee.size >= MemoryLayout<spate_error>.size else {
    return code
  }
  unsafe error.pointee.code = code
  unsafe error.pointee.system_error = failure.systemErrorNumber
  unsafe error.pointee.known =
    (failure.sequence == nil ? 0 : UInt32(SPATE_ERROR_HAS_SEQUENCE))
    | (failure.position == nil ? 0 : UInt32(SPATE_ERROR_HAS_POSITION))
  unsafe error.pointee.sequence = failure.sequence ?? 0
  unsafe error.pointee.position = failure.position ?? 0
  var message = failure.message
  if let path = failure.path { message += " [\(path)]" }
  unsafe withUnsafeMutableBytes(of: &error.pointee.message) { room in
    var bytes = message.utf8.prefix(room.count - 1)
    // Cut off between characters.
    while bytes.endIndex < message.endIndex, UTF8.isContinuation(message.utf8[bytes.endIndex]) {
      _ = bytes.popLast()
    }
    unsafe room.copyBytes(from: bytes)
    unsafe room[bytes.count] = 0
  }
  return code
}

extension SpateError {
  /// What a token that stands for nothing is: one that was closed, or no token at all.
  @inline(never)
  static func missing(_ handle: OpaquePointer?, _ kind: HandleKind) -> SpateError {
    if spate_handles_are_forgotten() != 0 {
      return SpateError(.closed, "this process is the child of a fork: execute a program to use Spate")
    }
    if unsafe spate_handle_was_open(UnsafeRawPointer(handle), kind.rawValue) != 0 {
      return SpateError(.closed, "the handle of this \(kind) was closed")
    }
    return SpateError(.invalidArgument, "this is no \(kind): NULL, or something else was passed")
  }

  static func argument(_ message: String) -> SpateError { SpateError(.invalidArgument, message) }
}
