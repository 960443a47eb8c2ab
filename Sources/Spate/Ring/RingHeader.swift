import Synchronization

/// The words of a ring that producers read on every append, on lines of their own.
///
///     line 0   current, attention, fence     read by every append, written once a chunk or when going idle
struct RingHeader: ~Copyable {
  /// The address of the chunk that takes claims, with bit 0 set while no next chunk can be opened.
  ///
  /// The bit keeps producers from adding again and again to a chunk that is closed while the disk or
  /// the budget holds the next one back: without it the claim word would overflow.
  let current = Atomic<UInt>(Self.blocked)
  /// Why somebody must be told of the next publish; 0 on the hot path. See ``Attention``.
  let attention = Atomic<UInt32>(Attention.committerIdle)
  private let padding0: UInt32 = 0
  /// The fencing epoch in force: who appends with an older one is refused. Only grows.
  let fencingEpoch: Atomic<UInt64>
  private let padding1: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)

  init(fencingEpoch: UInt64) { self.fencingEpoch = Atomic(fencingEpoch) }

  static var blocked: UInt { 1 }
}

/// Bits of ``RingHeader/attention``.
enum Attention {
  /// The committer does not look at this queue: put it on the ready list and wake the committer.
  static var committerIdle: UInt32 { 1 }
  /// A cursor that follows `published` sleeps: wake it.
  static var followerParked: UInt32 { 2 }
}

/// A handle to a ring's hot words.
@safe
struct RingWords: @unchecked Sendable {
  // SAFETY: allocated with the ring, freed with it; all fields are atomic.
  let header: UnsafeMutablePointer<RingHeader>

  init(fencingEpoch: UInt64) {
    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: (MemoryLayout<RingHeader>.stride + 63) & ~63,
      alignment: 64
    )
    unsafe header = raw.bindMemory(to: RingHeader.self, capacity: 1)
    unsafe header.initialize(to: RingHeader(fencingEpoch: fencingEpoch))
  }

  func destroy() {
    unsafe header.deinitialize(count: 1)
    unsafe UnsafeMutableRawPointer(header).deallocate()
  }
}
