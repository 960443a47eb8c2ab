import CSpate
import Synchronization

// The old end of the ring: finding and pinning chunks for cursors, detaching them for the committer.
extension Ring {
  /// Detaches the oldest chunk, which ends at or before a durable place, and returns the one that follows.
  ///
  /// The buffer goes back to the pool, or stays with the pins that hold it and goes back with the last.
  /// Committer only. The newest chunk may be detached once it is closed; the ring then has none.
  func detachOldest() {
    let freed: BufferPool.Buffer? = state.withLock { state in
      guard let chunk = state.oldest, let end = chunk.endPosition else { return nil }
      state.oldest = chunk.next
      if state.newest == chunk {
        state.end = LogMark(position: end, sequence: chunk.endSequence)
        state.newest = nil
        unsafe words.header.pointee.current.bitwiseOr(RingHeader.blocked, ordering: .relaxed)
      }
      if chunk.detach() { return retire(&state, chunk) }
      pool.countLent(chunk.bufferByteCount)
      return nil
    }
    if let freed { pool.free(freed) }
  }

  /// Gives a pin back; the last one on a detached chunk frees its buffer. Any thread.
  func unpin(_ chunk: Chunk) {
    guard chunk.unpin() else { return }
    let freed = state.withLock { state in
      pool.countLent(-chunk.bufferByteCount)
      return retire(&state, chunk)
    }
    pool.free(freed)
    environment.buffersWereFreed()
  }

  private func retire(_ state: inout State, _ chunk: Chunk) -> BufferPool.Buffer {
    state.bufferByteCount -= chunk.bufferByteCount
    state.chunkCount -= 1
    state.freeDescriptors.append(chunk)
    return chunk.takeBuffer()
  }

  /// The chunk that holds `position`, pinned, or nil when the ring does not hold it (any more, or yet).
  ///
  /// The caller gives the pin back with ``unpin(_:)``. Any thread.
  /// - Complexity: O(chunks attached).
  func pinChunk(holding position: UInt64) -> Chunk? {
    state.withLock { state in
      var chunk = state.oldest
      while let candidate = chunk {
        if position < candidate.basePosition { return nil }
        let end = candidate.endPosition ?? UInt64.max
        if position < end { return candidate.tryPin() ? candidate : nil }
        chunk = candidate.next
      }
      return nil
    }
  }

  /// The segments that were begun since the last call, in order. Committer only.
  func takeBegunSegments() -> [RingSegment] {
    state.withLock { state in
      let begun = state.begun
      state.begun.removeAll()
      return begun
    }
  }

  /// The oldest chunk attached. Committer only, who alone detaches.
  var oldestChunk: Chunk? { state.withLock { $0.oldest } }

  /// Closes the newest chunk if it is open, so that the committer can write and detach all of it. Any thread.
  ///
  /// Producers that come later open a new one.
  func closeNewest() {
    let open: Chunk? = state.withLock { state in
      guard let newest = state.newest, newest.endPosition == nil else { return nil }
      return newest
    }
    if let open { closeNow(open) }
  }
}

// A new beginning, after the end of the log was cut off.
extension Ring {
  /// Detaches all chunks and begins a new segment and a new epoch at `base`. While claims are refused, and everything is durable.
  func restart(at base: LogMark, cutPosition: UInt64) {
    while oldestChunk != nil { detachOldest() }
    state.withLock { state in
      state.end = base
      state.active = nil
      state.nextUseFlags = .truncation
      state.nextCutPosition = cutPosition
      state.epoch += 1
    }
  }

  /// Opens the chunk that begins the new segment, although claims are refused. False while there is no segment file or memory.
  func openFirstChunk() -> Bool {
    state.withLock { state in
      if state.newest != nil { return true }
      let refusal = state.refusal
      state.refusal = nil
      defer { state.refusal = refusal }
      _ = openStep(&state, byteCount: 0, sequenceCount: 0, isRun: false)
      if refusal != nil {
        unsafe words.header.pointee.current.bitwiseOr(RingHeader.blocked, ordering: .relaxed)
      }
      return state.newest != nil
    }
  }
}

extension Chunk {
  /// Takes the buffer away from a descriptor that nobody reads any more.
  func takeBuffer() -> BufferPool.Buffer {
    let byteCount = bufferByteCount
    unsafe descriptor.pointee.bufferByteCount = 0
    return unsafe BufferPool.Buffer(address: buffer, byteCount: byteCount)
  }
}
