import CSpate
import Glibc

/// One submission of the committer: an extent's gathered write, or a sync, until its completion.
///
/// Slots are made once and reused; the kernel reads `vectors`, `bounce` and `copy` until the completion.
struct ExtentSlot {
  enum Kind {
    case free, write, durableWrite, sync
  }

  static let vectorCapacity = 13

  var kind = Kind.free
  var writer: QueueWriter?
  /// Positions that the write covers; `start` is block aligned, unless the write is bytewise.
  var start: UInt64 = 0
  var end: UInt64 = 0
  /// The place that is written, or with a sync durable, once this and all before it is done. Nil when the
  /// extent ends inside a frame.
  var mark: LogMark?
  var segmentNumber: UInt64 = 0
  var isDone = false
  var includesTail = false
  var includesHeader = false
  var submittedNanoseconds: UInt64 = 0
  let memory: SlotMemory
  var vectorCount = 0
  /// A private copy of the extent, where the ring's bytes may change under the write. Freed at the
  /// completion.
  var copy: AlignedBuffer?
}

/// What a slot's writes may point at besides the ring.
@safe
struct SlotMemory: @unchecked Sendable {
  // SAFETY: made with the committer, freed with it, used by who has its turn, and by the kernel while the slot is in
  // flight.
  let vectors: UnsafeMutablePointer<iovec>
  /// Two blocks: the header block, and the copy of the partial tail block.
  let blocks: AlignedBuffer

  init(blockByteCount: Int) throws(SpateError) {
    blocks = try AlignedBuffer(byteCount: 2 * blockByteCount, alignment: blockByteCount)
    unsafe vectors = .allocate(capacity: ExtentSlot.vectorCapacity)
  }

  func destroy() {
    unsafe vectors.deallocate()
    blocks.free()
  }
}

/// Memory at an alignment that direct I/O takes.
@safe
struct AlignedBuffer: @unchecked Sendable {
  // SAFETY: whoever made it frees it, once nobody reads or writes it any more.
  let address: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int, alignment: Int) throws(SpateError) {
    var pointer: UnsafeMutableRawPointer?
    let error = unsafe posix_memalign(&pointer, alignment, byteCount)
    guard error == 0, let pointer = unsafe pointer else {
      throw SpateError(
        .resourceExhausted,
        "no memory for \(byteCount) bytes of write buffers",
        systemErrorNumber: error
      )
    }
    unsafe address = pointer
    self.byteCount = byteCount
  }

  func free() { unsafe Glibc.free(address) }
}
