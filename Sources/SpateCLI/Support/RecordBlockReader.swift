import Glibc

/// Reads a file in large pieces and cuts them where a record ends. One thread.
///
/// Each call reads once, so what comes slowly through a pipe is handed on as it comes; what is cut off at the
/// end of a piece begins the next one.
struct RecordBlockReader: ~Copyable {
  /// How much is read at once, unless a record is larger.
  static let blockByteCount = 1 << 20

  private let descriptor: Int32
  private let path: String
  private let delimiter: RecordDelimiter
  private let maximalRecordByteCount: Int
  /// The beginning of a record whose rest was not read yet.
  private let rest = RecordBlock(capacity: 64 << 10)

  /// Reads from a descriptor that stays open.
  init(descriptor: Int32, path: String, delimiter: RecordDelimiter, maximalRecordByteCount: Int) {
    self.descriptor = descriptor
    self.path = path
    self.delimiter = delimiter
    self.maximalRecordByteCount = maximalRecordByteCount
    Pipe.enlarge(descriptor)
    _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
  }

  /// Fills a block with at least one whole record. False at the end of the input, or once the command should
  /// stop; a record that is not whole is then given up.
  func fill(_ block: RecordBlock) throws -> Bool {
    var filled = rest.count
    if filled + Self.blockByteCount / 2 > block.capacity {
      block.grow(to: filled + Self.blockByteCount, keeping: 0)
    }
    unsafe block.start.copyMemory(from: rest.start, byteCount: filled)
    rest.count = 0
    var whole = 0
    while whole == 0 {
      if filled == block.capacity { block.grow(to: block.capacity * 2, keeping: filled) }
      let count = try read(into: block, at: filled)
      guard let count else { return false }
      if count == 0 {
        guard filled > 0 else { return false }
        guard delimiter != .lengthPrefixed else { throw cutOff() }
        block.count = filled
        return true
      }
      whole = try wholeByteCount(block, from: filled, to: filled + count)
      filled += count
      if whole == 0, filled > maximalRecordByteCount { throw tooLarge() }
    }
    block.count = whole
    let left = filled - whole
    if left > rest.capacity { rest.grow(to: max(left, rest.capacity * 2), keeping: 0) }
    unsafe rest.start.copyMemory(from: block.start + whole, byteCount: left)
    rest.count = left
    return true
  }

  /// How many bytes were read; nil when the command should stop.
  private func read(into block: RecordBlock, at offset: Int) throws -> Int? {
    while true {
      guard Interruption.waitUntilReadable(descriptor) else { return nil }
      // SAFETY: the caller saw that there is room behind the offset.
      let count = unsafe Glibc.read(descriptor, block.start + offset, block.capacity - offset)
      if count >= 0 { return count }
      guard errno == EINTR || errno == EAGAIN else { throw CommandFailure.system("read", path) }
    }
  }

  /// How many bytes of whole records there are; `from ..< to` are new, and no record ends before.
  private func wholeByteCount(_ block: RecordBlock, from: Int, to: Int) throws -> Int {
    if let byte = delimiter.byte {
      var end = to
      while end > from, unsafe block.start.load(fromByteOffset: end - 1, as: UInt8.self) != byte { end -= 1 }
      return end > from ? end : 0
    }
    var offset = 0
    while to - offset >= RecordDelimiter.prefixByteCount {
      let length = Int(
        unsafe UInt32(bigEndian: block.start.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      )
      guard length <= maximalRecordByteCount else { throw tooLarge() }
      guard to - offset - RecordDelimiter.prefixByteCount >= length else { break }
      offset += RecordDelimiter.prefixByteCount + length
    }
    return offset
  }

  private func cutOff() -> CommandFailure {
    .failed("the input ends inside a record; the records before it were appended [\(path)]")
  }

  private func tooLarge() -> CommandFailure {
    .failed(
      "a record has more than \(maximalRecordByteCount) bytes; check --delimiter, or raise --memory [\(path)]"
    )
  }
}
