import CSpate
import Glibc
import Synchronization

/// The front end of one queue: a list of chunks, the newest of which takes claims.
///
///                oldest                                   current
///     log  ──►  ┌────────┐  next  ┌────────┐  next  ┌──────────────┐
///               │ closed │ ─────► │ closed │ ─────► │ open:  claims│
///               └────────┘        └────────┘        └──────────────┘
///               durable, kept      being written     one fetch_add a record
///               for tail cursors
///
/// Producers claim with one add on the current chunk's word; the one that does not fit closes the
/// chunk, and whoever comes first opens the next one under a lock, once a chunk. The committer drains
/// and detaches chunks from the old end. Cursors pin them.
///
/// INVARIANT: chunks are contiguous: each begins where the one before it ended, at a block boundary.
final class Ring: @unchecked Sendable {
  // SAFETY: `environment` is set once, before the ring is shared; everything else is a constant, atomic, or
  // under the lock.
  /// What the opening of chunks needs to know; guarded by `state`.
  struct State: ~Copyable {
    var oldest: Chunk?
    var newest: Chunk?
    /// Where the next chunk begins while there is no newest one.
    var end: LogMark
    var active: RingSegment?
    var prepared: PreparedSegment?
    var isPreparing = false
    /// Whether a claim met the end of the last segment that is there.
    var isOutOfSegments = false
    /// Why the segment that was asked for cannot be made for now: claims that need it are refused as full.
    var missingSegment: SpateError?
    /// Segments that were begun and that the committer has not taken over.
    var begun: [RingSegment] = []
    var freeDescriptors: [Chunk] = []
    var allDescriptors: [Chunk] = []
    /// Bytes of buffers that chunks of this ring stand on.
    var bufferByteCount = 0
    var chunkCount = 0
    var nextCapacity: Int
    var lastOpenedTimestamp: UInt64 = 0
    var epoch: UInt64
    var nextUseFlags: SegmentUse.Flags
    var nextCutPosition: UInt64?
    var refusal: Refusal?
    var segmentByteCount: UInt64
  }

  /// Why a ring takes no claims for now, or for good.
  enum Refusal: Sendable {
    case failed(SpateError)
    case closed
    case full(SpateError)
    /// Somebody changes the end of the log (a truncation).
    case paused
  }

  let words: RingWords
  let state: Mutex<State>
  let pool: BufferPool
  let configuration: RingConfiguration
  /// The largest claim that shares a chunk with others.
  let sharedClaimLimit: Int
  /// ``publishesWithBarrier``, where each publish reads it: a static one is looked up with a call.
  let hasToPublishWithBarrier = Ring.publishesWithBarrier
  /// Signalled when a chunk was closed or opened, when memory or a segment came, and on failure.
  let changed = EventCount()
  /// The queue around the ring, which outlives it in use: whoever reaches the ring holds the queue.
  private unowned(unsafe) var owner: (any RingEnvironment)?

  init(
    end: LogMark,
    epoch: UInt64,
    fencingEpoch: UInt64,
    flags: SegmentUse.Flags,
    cutPosition: UInt64? = nil,
    pool: BufferPool,
    configuration: RingConfiguration
  ) {
    words = RingWords(fencingEpoch: fencingEpoch)
    self.pool = pool
    self.configuration = configuration
    sharedClaimLimit = configuration.maximalChunkByteCount / 4
    state = Mutex(
      State(
        end: end,
        nextCapacity: configuration.minimalChunkByteCount,
        epoch: epoch,
        nextUseFlags: flags,
        nextCutPosition: cutPosition,
        segmentByteCount: configuration.minimalSegmentByteCount
      )
    )
  }

  /// Says who owns the ring; once, before the first claim.
  func attach(environment: any RingEnvironment) { unsafe owner = environment }

  /// The queue around the ring.
  var environment: any RingEnvironment { unsafe owner.unsafelyUnwrapped }

  deinit {
    // Nobody holds a reference any more, so no producer, cursor or claim can reach a descriptor.
    let pool = pool
    state.withLock { state in
      for chunk in state.allDescriptors {
        if chunk.bufferByteCount > 0 { pool.free(chunk.takeBuffer()) }
        unsafe chunk.descriptor.deinitialize(count: 1)
        unsafe UnsafeMutableRawPointer(chunk.descriptor).deallocate()
      }
    }
    words.destroy()
  }

  /// Bytes of memory that this ring stands on.
  var bufferByteCount: Int { state.withLock { $0.bufferByteCount } }
}

/// The sizes that a ring works with. All are multiples of the block size.
struct RingConfiguration: Sendable {
  var blockByteCount: Int
  var dataOffset: UInt64
  var strideByteCount: Int
  var minimalChunkByteCount: Int
  var maximalChunkByteCount: Int
  var minimalSegmentByteCount: UInt64
  var maximalSegmentByteCount: UInt64
  /// The largest claim, frame headers and padding included.
  var maximalClaimByteCount: Int
  /// The flags of every segment.
  var segmentFlags: SegmentUse.Flags = []
}

/// What a ring asks of the store around it. Called by producers on slow paths, with no lock held except where
/// said.
protocol RingEnvironment: AnyObject, Sendable {
  /// The store's clock, ns since 1970.
  var timestamp: UInt64 { get }
  /// What is durable now, and from where recovery must scan for state; written into each chunk frame.
  var recoveryHint: RecoveryHint { get }
  /// Asks for a segment file of `byteCount` bytes, or, where there is no room for it, of at least `minimum`; it
  /// arrives through ``Ring/provide(_:)``. Called with the ring's lock held.
  func prepareSegment(byteCount: UInt64, atLeast minimum: UInt64)
  /// Who is told when memory is freed after a failed allocation.
  var bufferWaiter: any BufferWaiter { get }
  /// Asks for free memory to be made resident ahead. Called with the ring's lock held.
  func warmMemory()
  /// Told when a late unpin freed memory.
  func buffersWereFreed()
  /// Told after each publish that found ``RingHeader/attention`` set.
  func attend(_ bits: UInt32)
}

/// What a chunk frame tells recovery.
struct RecoveryHint: Sendable {
  /// Everything before this was durable when the chunk was opened.
  var durable: LogMark
  /// Where the first state frame stands that no checkpoint covers; 0 when there is none.
  var statePosition: UInt64
}
