import Glibc

/// Bytes on their way to a file, gathered into large writes. One thread.
@safe
struct OutputBuffer: ~Copyable, @unchecked Sendable {
  private static let capacity = 256 << 10

  // SAFETY: owned by this value and freed with it; `count` of `capacity` bytes are filled.
  private let start: UnsafeMutableRawPointer
  private var count = 0
  private let descriptor: Int32
  private let path: String

  /// Writes to a descriptor that stays open; `path` is what failures call it.
  init(descriptor: Int32 = STDOUT_FILENO, path: String = "standard output") {
    self.descriptor = descriptor
    self.path = path
    unsafe start = UnsafeMutableRawPointer.allocate(byteCount: Self.capacity, alignment: 4096)
    Pipe.enlarge(descriptor)
  }

  deinit { unsafe start.deallocate() }

  /// Adds bytes.
  @inline(__always)
  mutating func append(_ bytes: UnsafeRawBufferPointer) throws(CommandFailure) {
    guard bytes.count <= Self.capacity - count else { return try unsafe appendLarge(bytes) }
    guard let source = bytes.baseAddress else { return }
    // SAFETY: there is room for them.
    unsafe (start + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  /// Adds one byte.
  @inline(__always)
  mutating func append(_ byte: UInt8) throws(CommandFailure) {
    if count == Self.capacity { try flush() }
    // SAFETY: there is room for it.
    unsafe start.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  /// Adds the bytes of a span.
  mutating func append(_ span: RawSpan) throws(CommandFailure) {
    unsafe try span.withUnsafeBytes { (bytes) throws(CommandFailure) in try unsafe append(bytes) }
  }

  /// Adds text.
  mutating func append(_ text: String) throws(CommandFailure) {
    try unsafe append(text.utf8.span.bytes)
  }

  /// Adds a number in decimal digits.
  mutating func append(decimal number: UInt64) throws(CommandFailure) {
    if Self.capacity - count < 20 { try flush() }
    var rest = number
    var width = 1
    while rest >= 10 {
      rest /= 10
      width += 1
    }
    rest = number
    var offset = count + width
    count = offset
    repeat {
      offset -= 1
      // SAFETY: at most 20 digits, and there is room for them.
      unsafe start.storeBytes(
        of: UInt8(ascii: "0") + UInt8(rest % 10),
        toByteOffset: offset,
        as: UInt8.self
      )
      rest /= 10
    } while rest > 0
  }

  /// Hands everything to the kernel.
  mutating func flush() throws(CommandFailure) {
    let filled = count
    count = 0
    try unsafe write(UnsafeRawBufferPointer(start: start, count: filled))
  }

  @inline(never)
  private mutating func appendLarge(_ bytes: UnsafeRawBufferPointer) throws(CommandFailure) {
    try flush()
    guard bytes.count <= Self.capacity else { return try unsafe write(bytes) }
    try unsafe append(bytes)
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(CommandFailure) {
    var done = 0
    while done < bytes.count {
      // SAFETY: `done` is less than the count, so a byte is there.
      let result = unsafe Glibc.write(
        descriptor,
        bytes.baseAddress.unsafelyUnwrapped + done,
        bytes.count - done
      )
      if result >= 0 {
        done += result
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN:
        var file = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&file, 1, -1)
      case EPIPE: throw .outputClosed
      default: throw .system("write", path)
      }
    }
  }
}
