import CSpate

/// Bytes in a file that has no name and is in memory, for calls that take a descriptor. Nobody changes them. Any thread.
final class MemoryFile: Sendable {
  /// The file, open.
  let descriptor: Int32

  /// Makes a file of these bytes.
  ///
  /// - Throws: `resourceExhausted` without a descriptor or the memory.
  init(_ bytes: RawSpan) throws(SpateError) {
    let made = unsafe bytes.withUnsafeBytes {
      unsafe spate_memory_file("spate-tail", $0.baseAddress, $0.count)
    }
    guard made >= 0 else {
      throw SpateError(
        .resourceExhausted,
        "no file in memory could be made for the end of the log; release ranges, or raise the limit of descriptors",
        systemErrorNumber: -made
      )
    }
    descriptor = made
  }

  deinit { spate_close(descriptor) }
}
