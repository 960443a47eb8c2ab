import CSpate
import Synchronization

// Places in the ring that cursors begin at.
extension Ring {
  /// Behind everything that was claimed so far: a record whose append begins later lies at or beyond it. Any
  /// thread.
  var claimedEnd: LogMark {
    while true {
      let event = changed.current
      let mark: LogMark? = state.withLock { state in
        guard let newest = state.newest else { return state.end }
        if let end = newest.endPosition { return LogMark(position: end, sequence: newest.endSequence) }
        // ORDERING: acquire: claims that were made before this call are counted.
        let word = unsafe ClaimWord(bits: newest.descriptor.pointee.claim.load(ordering: .acquiring))
        guard word.byteOffset <= word.capacity else { return nil }
        return LogMark(
          position: newest.basePosition + UInt64(word.byteOffset),
          sequence: newest.baseSequence + word.sequenceOffset
        )
      }
      if let mark { return mark }
      // The closer was preempted between its add and publishing the end.
      _ = changed.wait(from: event, until: Int64(spate_now_monotonic_ns()) + 1_000_000)
    }
  }

  /// Where the last chunk begins for which `isBefore` holds, chunks being asked from the oldest on; nil when
  /// it holds for none.
  ///
  /// - Complexity: O(chunks attached).
  func lastChunk(where isBefore: (Chunk) -> Bool) -> LogMark? {
    state.withLock { state in
      var found: LogMark?
      var chunk = state.oldest
      while let candidate = chunk, isBefore(candidate) {
        found = LogMark(position: candidate.basePosition, sequence: candidate.baseSequence)
        chunk = candidate.next
      }
      return found
    }
  }
}
