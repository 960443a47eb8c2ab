import CSpate
import Glibc
import Synchronization

extension Ring {
  /// Claims `byteCount` bytes (a multiple of 8) and `sequenceCount` sequences. Never blocks on the disk or
  /// the budget; may spin or yield for as long as another producer takes to close a chunk.
  ///
  /// - Complexity: O(1): one `fetch_add`, and one chunk's opening for the claim that meets the end of a
  ///   chunk.
  @inline(__always)
  func claim(byteCount: Int, sequenceCount: Int) -> ClaimOutcome {
    if byteCount <= sharedClaimLimit,
      let claimed = claimOnce(byteCount: byteCount, sequenceCount: sequenceCount)
    {
      return .claimed(claimed)
    }
    return claimSlowly(byteCount: byteCount, sequenceCount: sequenceCount)
  }

  /// One add on the current chunk. Nil when the ring is blocked or the claim did not fit.
  @inline(__always)
  func claimOnce(byteCount: Int, sequenceCount: Int) -> Claimed? {
    // ORDERING: acquire, pairs with the release in `install`: the descriptor is initialized.
    let bits = unsafe words.header.pointee.current.load(ordering: .acquiring)
    guard bits & RingHeader.blocked == 0 else { return nil }
    let chunk = Chunk(bits: bits)
    // ORDERING: acquire, pairs with the release that opened the word: base, buffer and salt are visible.
    let old = unsafe ClaimWord(
      bits: chunk.descriptor.pointee.claim.wrappingAdd(
        ClaimWord.delta(byteCount: byteCount, sequenceCount: sequenceCount),
        ordering: .acquiring
      ).oldValue
    )
    guard old.byteOffset &+ byteCount <= old.capacity else {
      if old.byteOffset <= old.capacity { close(chunk, at: old) }
      return nil
    }
    let ahead = unsafe chunk.buffer + old.byteOffset + 768
    unsafe spate_prefetch_for_writing(ahead)
    unsafe spate_prefetch_for_writing(ahead + 64)
    return claimed(in: chunk, at: old, byteCount: byteCount)
  }

  /// The bytes that a word's winner got.
  @inline(__always)
  func claimed(in chunk: Chunk, at word: ClaimWord, byteCount: Int) -> Claimed {
    unsafe Claimed(
      start: chunk.buffer + word.byteOffset,
      byteCount: byteCount,
      position: chunk.basePosition &+ UInt64(truncatingIfNeeded: word.byteOffset),
      sequence: chunk.baseSequence &+ word.sequenceOffset,
      salt: chunk.salt,
      chunk: chunk
    )
  }

  /// Ends `chunk` where the claim that did not fit began. Only the one claimant whose claim crossed the
  /// capacity calls this.
  @inline(never)
  func close(_ chunk: Chunk, at word: ClaimWord) {
    let offset = word.byteOffset
    let position = chunk.basePosition + UInt64(offset)
    let end = Format.alignUp(position, to: configuration.blockByteCount)
    if end > position {
      let start = unsafe chunk.buffer + offset
      // Stale bytes of an earlier use, perhaps of another queue, must not reach the file.
      unsafe (start + 8).initializeMemory(as: UInt8.self, repeating: 0, count: Int(end - position) - 8)
      unsafe storeStamp(Format.stamp(salt: chunk.salt, position: position) ^ Format.paddingMask, at: start)
    }
    chunk.close(at: end, sequence: chunk.baseSequence + word.sequenceOffset)
    changed.signal()
    // The padding is a publish, too: the end of the log moved.
    attendIfAsked()
  }

  /// Closes an open chunk by an add that fits no capacity, unless another claimant was faster.
  func closeNow(_ chunk: Chunk) {
    let old = unsafe ClaimWord(
      bits: chunk.descriptor.pointee.claim.wrappingAdd(
        ClaimWord.delta(byteCount: ClaimWord.maximalCapacity + ClaimWord.unit, sequenceCount: 0),
        ordering: .acquiring
      ).oldValue
    )
    if old.byteOffset <= old.capacity { close(chunk, at: old) }
  }

  /// The way of a claim that is large, did not fit, or found the ring blocked.
  @inline(never)
  private func claimSlowly(byteCount: Int, sequenceCount: Int) -> ClaimOutcome {
    let isRun = byteCount > sharedClaimLimit
    var spins = 0
    while true {
      let event = changed.current
      let step = state.withLock { state in
        openStep(&state, byteCount: byteCount, sequenceCount: sequenceCount, isRun: isRun)
      }
      switch consume step {
      case .run(let claimed): return .claimed(claimed)
      case .refused(let refusal): return .refused(refusal)
      case .backPressured: return .backPressured
      case .closeThenRetry(let chunk):
        closeNow(chunk)
      case .waitForCloser:
        spins += 1
        if spins < 200 {
          spate_cpu_pause()
        } else {
          // The closer was preempted between its add and publishing the end: sleep until it has.
          _ = changed.wait(from: event, until: Int64(spate_now_monotonic_ns()) + 1_000_000)
        }
      case .retry:
        if let claimed = claimOnce(byteCount: byteCount, sequenceCount: sequenceCount) {
          return .claimed(claimed)
        }
      }
    }
  }

  /// What a producer on the slow path does next.
  enum Step: ~Copyable {
    case run(Claimed)
    case refused(Refusal)
    case backPressured
    /// Close this chunk, then look again.
    case closeThenRetry(Chunk)
    /// The chunk is closed, but its closer has not published where it ends.
    case waitForCloser
    case retry
  }

  /// Publishes a frame: everything written to it becomes readable.
  ///
  /// - Parameter start: the first byte of the frame, where its stamp stands.
  @inline(__always)
  func publish(stamp: UInt64, at start: UnsafeMutableRawPointer) {
    unsafe storeStamp(stamp, at: start)
    attendIfAsked()
  }

  /// The second half of a publish: whether somebody must be told of it.
  @inline(__always)
  func attendIfAsked() {
    if hasToPublishWithBarrier {
      // ORDERING: a read-modify-write, since this kernel has no membarrier: if the committer set the bit
      // before this, we see it; if after, its acquiring exchange sees our stamp.
      let bits = unsafe words.header.pointee.attention.bitwiseOr(0, ordering: .sequentiallyConsistent)
        .newValue
      if bits != 0 { environment.attend(bits) }
      return
    }
    // ORDERING: the load may pass the stamp's store in this core's store buffer; the committer sets
    // the bit and then has a membarrier run before it scans the stamps for the last time.
    let bits = unsafe words.header.pointee.attention.load(ordering: .acquiring)
    if bits != 0 { environment.attend(bits) }
  }

  /// Whether publishing needs a full barrier of its own.
  static let publishesWithBarrier = spate_membarrier_register() != 0

  /// ORDERING: release, pairs with the acquire in `loadStamp`: the frame is visible before its stamp.
  @inline(__always)
  func storeStamp(_ stamp: UInt64, at start: UnsafeMutableRawPointer) {
    // SAFETY: frames are 8-byte aligned and stamps are only accessed atomically while the chunk is attached.
    unsafe start.assumingMemoryBound(to: Atomic<UInt64>.self).pointee.store(stamp, ordering: .releasing)
  }

  /// ORDERING: acquire, pairs with the release in `storeStamp`.
  @inline(__always)
  static func loadStamp(at start: UnsafeRawPointer) -> UInt64 {
    // SAFETY: as above; the pointer is read through only.
    unsafe UnsafeMutableRawPointer(mutating: start).assumingMemoryBound(to: Atomic<UInt64>.self).pointee
      .load(ordering: .acquiring)
  }
}
