import Glibc

/// Takes a block apart into its records. Allocates nothing.
@safe
struct RecordSplitter {
  // SAFETY: the caller keeps the block; positions are compared with its end before each access.
  private var rest: UnsafeRawBufferPointer
  private let delimiter: RecordDelimiter
  private let byte: Int32

  /// The records of `bytes`, which hold whole records only; the last one may lack its delimiter.
  ///
  /// SAFETY: the bytes stay readable while the splitter and its records are used.
  @unsafe
  init(_ bytes: UnsafeRawBufferPointer, delimiter: RecordDelimiter) {
    unsafe rest = bytes
    self.delimiter = delimiter
    byte = Int32(delimiter.byte ?? 0)
  }

  /// The next record; nil behind the last one.
  @inline(__always)
  mutating func next() -> UnsafeRawBufferPointer? {
    guard unsafe rest.count > 0, let start = unsafe rest.baseAddress else { return nil }
    if delimiter == .lengthPrefixed { return unsafe nextPrefixed(start) }
    var end = unsafe rest.count
    var next = end
    if let found = unsafe memchr(start, byte, end) {
      end = unsafe UnsafeRawPointer(found) - start
      next = end + 1
    }
    let record = unsafe UnsafeRawBufferPointer(start: start, count: end)
    unsafe rest = UnsafeRawBufferPointer(start: start + next, count: rest.count - next)
    return unsafe record
  }

  private mutating func nextPrefixed(_ start: UnsafeRawPointer) -> UnsafeRawBufferPointer? {
    let length = Int(unsafe UInt32(bigEndian: start.loadUnaligned(as: UInt32.self)))
    let body = RecordDelimiter.prefixByteCount
    let record = unsafe UnsafeRawBufferPointer(start: start + body, count: length)
    unsafe rest = UnsafeRawBufferPointer(rebasing: rest[(body + length)...])
    return unsafe record
  }
}
