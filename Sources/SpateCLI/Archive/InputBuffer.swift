import Glibc

/// Bytes from a file, a window at a time. One thread.
@safe
struct InputBuffer: ~Copyable {
  // SAFETY: owned by this value and freed with it; `start ..< end` are filled.
  private var memory: UnsafeMutableRawPointer
  private var capacity = 1 << 20
  private var start = 0
  private var end = 0
  private let descriptor: Int32
  private let path: String
  /// How many bytes were taken.
  private(set) var takenByteCount: UInt64 = 0

  /// Reads from a descriptor that stays open.
  init(descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
    unsafe memory = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 4096)
    Pipe.enlarge(descriptor)
  }

  deinit { unsafe memory.deallocate() }

  /// Makes the next bytes available; false when the file ends before them, or the command should stop.
  mutating func require(_ count: Int) throws -> Bool {
    if end - start >= count { return true }
    if start + count > capacity { move(toHold: count) }
    while end - start < count {
      guard Interruption.waitUntilReadable(descriptor) else { return false }
      // SAFETY: there is room behind `end`.
      let result = unsafe read(descriptor, memory + end, capacity - end)
      if result < 0, errno == EINTR || errno == EAGAIN { continue }
      if result < 0 { throw CommandFailure.system("read", path) }
      if result == 0 { return false }
      end += result
    }
    return true
  }

  /// The next `count` bytes, which were required. They stay until the next ``require(_:)``.
  @unsafe
  func bytes(_ count: Int) -> UnsafeRawBufferPointer {
    precondition(end - start >= count)
    return unsafe UnsafeRawBufferPointer(start: memory + start, count: count)
  }

  /// Goes behind the next `count` bytes, which were required.
  mutating func skip(_ count: Int) {
    precondition(end - start >= count)
    start += count
    takenByteCount += UInt64(count)
  }

  /// Whether nothing follows.
  mutating func isAtEnd() throws -> Bool { try !require(1) }

  private mutating func move(toHold count: Int) {
    let kept = end - start
    let larger = max(capacity, count)
    let target =
      larger > capacity ? UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 4096) : unsafe memory
    unsafe memmove(target, memory + start, kept)
    if larger > capacity {
      unsafe memory.deallocate()
      unsafe memory = target
      capacity = larger
    }
    start = 0
    end = kept
  }
}
