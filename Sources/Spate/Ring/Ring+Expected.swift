import CSpate
import Synchronization

/// What became of a claim at an expected sequence.
enum ExpectedClaimOutcome: ~Copyable {
  case claimed(Claimed)
  /// The next record gets this sequence instead.
  case elsewhere(next: UInt64)
  case backPressured
  case refused(Ring.Refusal)
}

extension Ring {
  /// Claims for one record if it gets `sequence`, by compare-and-swap in place of the add.
  ///
  /// - Complexity: O(1) without contention; lock-free: a lost exchange means that another claim won.
  func claim(byteCount: Int, at sequence: UInt64) -> ExpectedClaimOutcome {
    let isRun = byteCount > sharedClaimLimit
    while true {
      let event = changed.current
      let end = state.withLock {
        $0.newest.map { $0.endPosition == nil ? nil : $0.endSequence } ?? $0.end.sequence
      }
      if let end, end != sequence { return .elsewhere(next: end) }
      if end == nil, isRun {
        let next = claimedEnd.sequence
        if next != sequence { return .elsewhere(next: next) }
      }
      let bits = unsafe words.header.pointee.current.load(ordering: .acquiring)
      if end == nil, !isRun, bits & RingHeader.blocked == 0 {
        switch exchange(in: Chunk(bits: bits), byteCount: byteCount, at: sequence) {
        case .claimed(let claimed): return .claimed(claimed)
        case .elsewhere(let next): return .elsewhere(next: next)
        default: break
        }
      }
      // The chunk is closed: the next one opens at a known sequence, with the ring's lock held.
      let step = state.withLock { state -> Step in
        if let refusal = state.refusal { return .refused(refusal) }
        guard let newest = state.newest else {
          guard state.end.sequence == sequence else { return .retry }
          return openStep(&state, byteCount: byteCount, sequenceCount: 1, isRun: isRun)
        }
        guard newest.endPosition != nil else {
          guard newest.takesClaims else { return .waitForCloser }
          // A run needs a chunk of its own; its sequence was found to be the open one's next.
          return isRun ? .closeThenRetry(newest) : .retry
        }
        guard newest.endSequence == sequence else { return .retry }
        return openStep(&state, byteCount: byteCount, sequenceCount: 1, isRun: isRun)
      }
      switch consume step {
      case .run(let claimed): return .claimed(claimed)
      case .refused(let refusal): return .refused(refusal)
      case .backPressured: return .backPressured
      case .closeThenRetry(let chunk): closeNow(chunk)
      case .waitForCloser: _ = changed.wait(from: event, until: Int64(spate_now_monotonic_ns()) + 1_000_000)
      case .retry: continue
      }
    }
  }

  /// One compare-and-swap on an open chunk; `.backPressured` when it does not fit or the chunk changed.
  ///
  /// The pin keeps the descriptor from being reused between reading the word and exchanging it: a word of
  /// another incarnation may look the same and stand for other sequences.
  private func exchange(in chunk: Chunk, byteCount: Int, at sequence: UInt64) -> ExpectedClaimOutcome {
    guard chunk.tryPin() else { return .backPressured }
    defer { unpin(chunk) }
    let delta = ClaimWord.delta(byteCount: byteCount, sequenceCount: 1)
    var seen = unsafe ClaimWord(bits: chunk.descriptor.pointee.claim.load(ordering: .acquiring))
    while seen.byteOffset &+ byteCount <= seen.capacity {
      let next = chunk.baseSequence &+ seen.sequenceOffset
      guard next == sequence else { return .elsewhere(next: next) }
      // ORDERING: acquire, as the add in `claimOnce`.
      let (exchanged, now) = unsafe chunk.descriptor.pointee.claim.compareExchange(
        expected: seen.bits,
        desired: seen.bits &+ delta,
        ordering: .acquiring
      )
      if exchanged { return .claimed(claimed(in: chunk, at: seen, byteCount: byteCount)) }
      seen.bits = now
    }
    if chunk.takesClaims { closeNow(chunk) }
    return .backPressured
  }
}
