import Synchronization

/// The descriptor of one chunk: a piece of the log on one buffer of the pool.
///
/// Descriptors are type-stable: they belong to one queue, are reused for its later chunks and freed
/// with it, so a producer that was preempted between reading ``RingHeader/current`` and its add always
/// adds to a claim word.
///
///     line 0   claim                          producers add
///     line 1   buffer, base, salt             written before the claim word opens, then only read
///     line 2   end, next, pins                written once at the close; pins by cursors
@safe
struct ChunkDescriptor: ~Copyable {
  // SAFETY: `buffer` is used by holders of claims and pins only, as its documentation says.
  let claim = Atomic<UInt64>(ClaimWord.closed.bits)
  private let padding0: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)

  /// First byte of the buffer; it holds position ``basePosition``.
  var buffer: UnsafeMutableRawPointer
  /// Bytes of the buffer that belong to the log when the chunk is not closed early.
  var capacity: Int = 0
  /// Bytes taken from the pool.
  var bufferByteCount: Int = 0
  var basePosition: UInt64 = 0
  var baseSequence: UInt64 = 0
  var salt: UInt64 = 0
  var segmentNumber: UInt64 = 0
  private let padding1: UInt64 = 0

  /// Where the chunk ends in the log; 0 while it is open.
  ///
  /// ORDERING: stored with release after `endSequence`, loaded with acquire.
  let endPosition = Atomic<UInt64>(0)
  var endSequence: UInt64 = 0
  /// The chunk that follows, as the bits of its address; 0 while there is none.
  let next = Atomic<UInt>(0)
  /// Bit 63: the chunk is attached to the ring. Below it: how many pins hold the buffer.
  ///
  /// One word, so that a pin and a reclaim cannot both succeed.
  let pins = Atomic<UInt64>(0)
  /// How many of the pins the ledger of the store knows of.
  let holders = Atomic<UInt64>(0)
  /// Nonzero once a claim in this chunk passed its deadline: its owner may still write to the buffer.
  let expiredClaimCount = Atomic<UInt64>(0)
  /// When the chunk was opened, ns since 1970.
  var openedTimestamp: UInt64 = 0

  static var attached: UInt64 { 1 << 63 }

  init(placeholder: UnsafeMutableRawPointer) { unsafe buffer = placeholder }
}

/// A handle to a chunk's descriptor. Any thread may hold one; see ``ChunkDescriptor`` for who may write what.
@safe
struct Chunk: @unchecked Sendable, Equatable {
  // SAFETY: descriptors live until their ring is destroyed, and every handle is reached through that ring.
  let descriptor: UnsafeMutablePointer<ChunkDescriptor>

  @inline(__always)
  init(_ descriptor: UnsafeMutablePointer<ChunkDescriptor>) { unsafe self.descriptor = descriptor }

  /// The handle whose `bits` these are, which are not 0.
  @inline(__always)
  init(bits: UInt) {
    unsafe descriptor = UnsafeMutablePointer<ChunkDescriptor>(bitPattern: bits).unsafelyUnwrapped
  }

  @inline(__always)
  var bits: UInt { UInt(bitPattern: unsafe descriptor) }

  static func == (a: Chunk, b: Chunk) -> Bool { a.bits == b.bits }

  @inline(__always) var buffer: UnsafeMutableRawPointer { unsafe descriptor.pointee.buffer }
  @inline(__always) var basePosition: UInt64 { unsafe descriptor.pointee.basePosition }
  @inline(__always) var baseSequence: UInt64 { unsafe descriptor.pointee.baseSequence }
  @inline(__always) var salt: UInt64 { unsafe descriptor.pointee.salt }
  @inline(__always) var segmentNumber: UInt64 { unsafe descriptor.pointee.segmentNumber }
  @inline(__always) var capacity: Int { unsafe descriptor.pointee.capacity }
  @inline(__always) var bufferByteCount: Int { unsafe descriptor.pointee.bufferByteCount }
  @inline(__always) var openedTimestamp: UInt64 { unsafe descriptor.pointee.openedTimestamp }

  /// Where the chunk ends, or nil while it is open.
  @inline(__always)
  var endPosition: UInt64? {
    // ORDERING: acquire, pairs with the release in `close`: the end sequence is visible too.
    let end = unsafe descriptor.pointee.endPosition.load(ordering: .acquiring)
    return end == 0 ? nil : end
  }

  /// The sequence after the chunk's last record. Only after `endPosition` was seen.
  @inline(__always) var endSequence: UInt64 { unsafe descriptor.pointee.endSequence }

  /// The chunk that follows, once it was opened.
  @inline(__always)
  var next: Chunk? {
    // ORDERING: acquire, pairs with the release in `Ring.attach`: the next chunk's base is visible.
    let bits = unsafe descriptor.pointee.next.load(ordering: .acquiring)
    return bits == 0 ? nil : Chunk(bits: bits)
  }

  /// Whether an add would find room for some claim now.
  var takesClaims: Bool {
    // ORDERING: relaxed: a hint; the add itself decides.
    let word = unsafe ClaimWord(bits: descriptor.pointee.claim.load(ordering: .relaxed))
    return word.byteOffset <= word.capacity
  }

  /// Publishes where the chunk ends. Once, by the claimant that did not fit.
  func close(at position: UInt64, sequence: UInt64) {
    unsafe descriptor.pointee.endSequence = sequence
    // ORDERING: release, pairs with the acquire in `endPosition`.
    unsafe descriptor.pointee.endPosition.store(position, ordering: .releasing)
  }

  /// Tries to hold the buffer. On success the descriptor and the buffer stay as they are until ``unpin()``.
  ///
  /// The caller must check afterwards that the chunk is still the one it looked for: between finding
  /// and pinning it, the descriptor may have been reused.
  func tryPin() -> Bool {
    var seen = unsafe descriptor.pointee.pins.load(ordering: .relaxed)
    while seen & ChunkDescriptor.attached != 0 {
      // ORDERING: acquire, pairs with the release in `attach`: the fields of this incarnation are visible.
      let (done, now) = unsafe descriptor.pointee.pins.weakCompareExchange(
        expected: seen,
        desired: seen &+ 1,
        ordering: .acquiring
      )
      if done { return true }
      seen = now
    }
    return false
  }

  /// Gives a pin back. Returns true when the chunk was detached meanwhile and this was its last pin: the
  /// caller then hands the buffer back.
  func unpin() -> Bool {
    // ORDERING: release: what the reader read comes before the buffer's reuse; acquire for the last one,
    // which goes on to free it.
    let left = unsafe descriptor.pointee.pins.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
    return left == 0
  }

  // Who is in the books of the store's ``PinLedger``; each has a pin.
  // ORDERING: relaxed: they only count; what the holders read is kept by their pins.

  /// Counts one more, if there is one.
  func joinHolders() -> Bool {
    var seen = unsafe descriptor.pointee.holders.load(ordering: .relaxed)
    while seen > 0 {
      let (done, now) = unsafe descriptor.pointee.holders.weakCompareExchange(
        expected: seen,
        desired: seen &+ 1,
        ordering: .relaxed
      )
      if done { return true }
      seen = now
    }
    return false
  }

  /// Counts the first one. False when there is one.
  func beFirstHolder() -> Bool {
    unsafe descriptor.pointee.holders.compareExchange(expected: 0, desired: 1, ordering: .relaxed).exchanged
  }

  /// Counts one less; whether that was the last.
  func leaveHolders() -> Bool {
    unsafe descriptor.pointee.holders.wrappingSubtract(1, ordering: .relaxed).newValue == 0
  }

  /// Opens the descriptor to pins.
  func attach() {
    // ORDERING: release, pairs with the acquire in `tryPin`.
    unsafe descriptor.pointee.pins.store(ChunkDescriptor.attached, ordering: .releasing)
  }

  /// Closes the descriptor to new pins. Returns true when no pin is left and the buffer is free.
  func detach() -> Bool {
    let left = unsafe descriptor.pointee.pins.bitwiseAnd(
      ~ChunkDescriptor.attached,
      ordering: .acquiringAndReleasing
    ).newValue
    return left == 0
  }
}
