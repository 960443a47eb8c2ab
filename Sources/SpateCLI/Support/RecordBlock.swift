/// Memory for a piece of input that holds whole records. Handed from the reader to a producer and back.
@safe
final class RecordBlock: @unchecked Sendable {
  // SAFETY: owned by the block; one thread has the block at a time.
  private(set) var start: UnsafeMutableRawPointer
  private(set) var capacity: Int
  /// How many bytes of whole records the block holds.
  var count = 0

  /// Makes an empty block.
  init(capacity: Int) {
    self.capacity = capacity
    unsafe start = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 4096)
  }

  deinit { unsafe start.deallocate() }

  /// The whole records.
  var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: start, count: count) }

  /// Makes the block larger and keeps its first `kept` bytes.
  func grow(to larger: Int, keeping kept: Int) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 4096)
    unsafe memory.copyMemory(from: start, byteCount: kept)
    unsafe start.deallocate()
    unsafe start = memory
    capacity = larger
  }
}
