import CSpate
import Synchronization

// The opening of chunks and the rolling of segments: once a chunk, under the ring's lock.
extension Ring {
  /// Decides under the lock what a producer that could not claim does next; opens the next chunk when nothing
  /// stands in the way.
  func openStep(
    _ state: inout State,
    byteCount: Int,
    sequenceCount: Int,
    isRun: Bool
  ) -> Step {
    if let refusal = state.refusal { return .refused(refusal) }
    if let newest = state.newest {
      guard newest.endPosition != nil else {
        // A producer adds to a word only while it looks open, so the word's overflow is bounded.
        guard newest.takesClaims else { return .waitForCloser }
        return isRun ? .closeThenRetry(newest) : .retry
      }
    }
    let end =
      state.newest.map { LogMark(position: $0.endPosition ?? 0, sequence: $0.endSequence) } ?? state.end
    let needed = byteCount + ChunkFrame.byteCount
    guard let segment = segment(&state, for: needed, at: end) else {
      return block(state.missingSegment.map { .refused(.full($0)) } ?? .backPressured)
    }
    // A claim that does not fit before the next stride has a chunk to itself, too: others never cross one.
    let toStride = bytesToStride(from: end.position, in: segment)
    let isRun = isRun || Format.alignUp(UInt64(needed), to: configuration.blockByteCount) > toStride
    let wanted = capacity(&state, needed: needed, isRun: isRun, at: end.position, in: segment)
    let isSmallHolder = state.chunkCount < 2
    guard
      let buffer = pool.allocate(
        byteCount: wanted,
        atLeast: isRun ? wanted : Int(Format.alignUp(UInt64(needed), to: configuration.blockByteCount)),
        isSmallHolder: isSmallHolder,
        waiter: environment.bufferWaiter
      )
    else { return block(.backPressured) }
    let capacity = min(wanted, buffer.byteCount)
    if pool.takeWarmRequest() { environment.warmMemory() }
    let chunk = takeDescriptor(&state, buffer: buffer)
    begin(chunk, at: end, capacity: capacity, segment: segment)
    var claimed: Claimed?
    if isRun {
      unsafe claimed = Claimed(
        start: chunk.buffer + ChunkFrame.byteCount,
        byteCount: byteCount,
        position: end.position + UInt64(ChunkFrame.byteCount),
        sequence: end.sequence,
        salt: segment.salt,
        chunk: chunk
      )
      padRun(chunk, from: needed, to: capacity)
      chunk.close(at: end.position + UInt64(capacity), sequence: end.sequence + UInt64(sequenceCount))
    }
    install(&state, chunk, opensFor: isRun ? nil : ChunkFrame.byteCount)
    requestNextSegment(&state, after: end.position + UInt64(capacity), in: segment)
    if let claimed = consume claimed { return .run(claimed) }
    return .retry
  }

  /// Keeps producers from adding to the closed chunk until ``unblock()``.
  private func block(_ step: consuming Step) -> Step {
    // ORDERING: relaxed: the bit carries no data; who misses it takes the slow path once.
    unsafe words.header.pointee.current.bitwiseOr(RingHeader.blocked, ordering: .relaxed)
    return step
  }

  /// Lets producers try again. After memory was freed, a segment came, or room was made. Any thread.
  func unblock() {
    state.withLock { state in
      // INVARIANT: the bit stays over a closed chunk: each lifting would let every producer add to its word
      // once more, and starving for long would overflow it. The next chunk's address comes without the bit.
      guard state.refusal == nil, let newest = state.newest, newest.endPosition == nil, newest.takesClaims
      else { return }
      unsafe words.header.pointee.current.bitwiseAnd(~RingHeader.blocked, ordering: .releasing)
    }
    changed.signal()
  }

  /// Hands over a segment file that was asked for, and returns the one it replaces, which was too small.
  /// Housekeeping thread.
  func provide(_ segment: PreparedSegment) -> PreparedSegment? {
    let replaced = state.withLock { state in
      let replaced = state.prepared
      state.prepared = segment
      state.isPreparing = false
      state.isOutOfSegments = false
      state.missingSegment = nil
      if case .full = state.refusal { state.refusal = nil }
      return replaced
    }
    unblock()
    return replaced
  }

  /// Notes that the segment that was asked for cannot be made for now. What fits the active one goes on; claims that
  /// do not are refused as full until a segment is provided. Housekeeping thread.
  func noteMissingSegment(_ error: SpateError) {
    state.withLock { $0.missingSegment = error }
    changed.signal()
  }

  /// Whether the next segment can begin at once.
  var hasPrepared: Bool { state.withLock { $0.prepared != nil } }

  /// Takes back a prepared segment that was never begun, for closing.
  func withdrawPrepared() -> PreparedSegment? {
    state.withLock { state in
      let prepared = state.prepared
      state.prepared = nil
      return prepared
    }
  }

  /// Refuses claims from here on; nil lifts a refusal that was not final.
  func refuse(_ refusal: Refusal?) {
    state.withLock { state in
      switch state.refusal {
      case .failed, .closed:
        // Final: nothing but a later close may replace a failure.
        guard case .closed = refusal else { return }
      case .paused:
        // A full disk is met again after the pause; lifting it must not lift the pause.
        if case .full = refusal { return }
      default: break
      }
      state.refusal = refusal
      state.isPreparing = refusal == nil ? state.isPreparing : false
      if refusal != nil {
        unsafe words.header.pointee.current.bitwiseOr(RingHeader.blocked, ordering: .relaxed)
      }
    }
    if refusal == nil { unblock() } else { changed.signal() }
  }

  /// Lifts the refusal of a full disk, and no other: a write went through again. Any thread.
  func liftFull() {
    let wasFull = state.withLock { state in
      guard case .full = state.refusal else { return false }
      state.refusal = nil
      return true
    }
    if wasFull { unblock() }
  }

  /// The segment that a chunk of `needed` bytes at `end` lies in: the active one, or the next after a roll.
  private func segment(_ state: inout State, for needed: Int, at end: LogMark) -> RingSegment? {
    let size = Format.alignUp(UInt64(needed), to: configuration.blockByteCount)
    if let active = state.active, end.position + size <= active.endPosition { return active }
    let now = environment.timestamp
    guard let prepared = state.prepared, prepared.footerOffset - configuration.dataOffset >= size else {
      state.isOutOfSegments = true
      if !state.isPreparing {
        // A segment that is too small for this run is given up; housekeeping reuses the file.
        state.isPreparing = true
        let minimum = footedByteCount(size)
        environment.prepareSegment(byteCount: max(state.segmentByteCount, minimum), atLeast: minimum)
      }
      return nil
    }
    adaptSegmentSize(&state, now: now)
    state.prepared = nil
    let segment = RingSegment(
      file: prepared,
      salt: .drawn(from: 1...UInt64.max),
      base: end,
      cutPosition: state.nextCutPosition ?? end.position,
      epoch: state.epoch,
      flags: state.nextUseFlags.union(configuration.segmentFlags),
      fencingEpoch: fencingEpoch,
      timestamp: now,
      dataOffset: configuration.dataOffset
    )
    state.nextUseFlags = []
    state.nextCutPosition = nil
    state.active = segment
    state.begun.append(segment)
    return segment
  }

  /// File bytes for a segment that holds a data area of `size` bytes.
  private func footedByteCount(_ size: UInt64) -> UInt64 {
    var total = configuration.minimalSegmentByteCount
    while true {
      let end =
        Format.footerOffset(segmentByteCount: total, blockByteCount: configuration.blockByteCount) ?? 0
      if end >= configuration.dataOffset + size { return total }
      total *= 2
    }
  }

  /// Larger segments for a queue that fills them fast, smaller ones for one that does not.
  private func adaptSegmentSize(_ state: inout State, now: UInt64) {
    guard let active = state.active else { return }
    let nanoseconds = now &- active.timestamp
    if nanoseconds < 2_000_000_000 {
      state.segmentByteCount = min(state.segmentByteCount * 4, configuration.maximalSegmentByteCount)
    } else if nanoseconds > 120_000_000_000 {
      state.segmentByteCount = max(state.segmentByteCount / 4, configuration.minimalSegmentByteCount)
    }
  }

  /// Asks for the next segment while at least half of this one is left, or one chunk for the smallest.
  private func requestNextSegment(_ state: inout State, after position: UInt64, in segment: RingSegment) {
    guard state.prepared == nil, !state.isPreparing else { return }
    let left = segment.endPosition - min(position, segment.endPosition)
    guard left * 2 <= segment.endPosition - segment.base.position else { return }
    state.isPreparing = true
    let age = environment.timestamp &- segment.timestamp
    let growing = age < 2_000_000_000
    let next =
      growing
      ? min(state.segmentByteCount * 4, configuration.maximalSegmentByteCount) : state.segmentByteCount
    environment.prepareSegment(byteCount: next, atLeast: configuration.minimalSegmentByteCount)
  }

  /// How many bytes the next chunk gets. Grows while chunks fill within a millisecond or two, so that a burst
  /// soon meets few openings, and shrinks when they last.
  private func capacity(
    _ state: inout State,
    needed: Int,
    isRun: Bool,
    at position: UInt64,
    in segment: RingSegment
  ) -> Int {
    let block = configuration.blockByteCount
    let aligned = (needed + block - 1) & ~(block - 1)
    if isRun { return aligned }
    let now = environment.timestamp
    let lasted = now &- state.lastOpenedTimestamp
    state.lastOpenedTimestamp = now
    if lasted < 2_000_000 {
      state.nextCapacity = min(state.nextCapacity * 2, configuration.maximalChunkByteCount)
    } else if lasted > 100_000_000 {
      state.nextCapacity = max(state.nextCapacity / 2, configuration.minimalChunkByteCount)
    }
    var capacity = state.nextCapacity
    while capacity < 4 * needed && capacity < configuration.maximalChunkByteCount { capacity *= 2 }
    let toEnd = segment.endPosition - position
    // Whole blocks: halving a capacity that is no power of two may leave others.
    capacity = min(capacity, Int(min(bytesToStride(from: position, in: segment), toEnd))) & ~(block - 1)
    return max(aligned, capacity)
  }

  /// How far the next place in the data area is where a chunk frame stands.
  private func bytesToStride(from position: UInt64, in segment: RingSegment) -> UInt64 {
    let stride = UInt64(configuration.strideByteCount)
    return stride - (position - segment.base.position) % stride
  }

  private func takeDescriptor(_ state: inout State, buffer: BufferPool.Buffer) -> Chunk {
    let chunk: Chunk
    if let free = state.freeDescriptors.popLast() {
      chunk = free
    } else {
      let raw = UnsafeMutableRawPointer.allocate(
        byteCount: (MemoryLayout<ChunkDescriptor>.stride + 63) & ~63,
        alignment: 64
      )
      let descriptor = unsafe raw.bindMemory(to: ChunkDescriptor.self, capacity: 1)
      unsafe descriptor.initialize(to: ChunkDescriptor(placeholder: raw))
      chunk = unsafe Chunk(descriptor)
      state.allDescriptors.append(chunk)
    }
    unsafe chunk.descriptor.pointee.buffer = buffer.address
    unsafe chunk.descriptor.pointee.bufferByteCount = buffer.byteCount
    state.bufferByteCount += buffer.byteCount
    state.chunkCount += 1
    return chunk
  }

  /// Fills a detached descriptor for its next chunk and writes the chunk frame.
  private func begin(_ chunk: Chunk, at base: LogMark, capacity: Int, segment: RingSegment) {
    let timestamp = environment.timestamp
    unsafe chunk.descriptor.pointee.capacity = capacity
    unsafe chunk.descriptor.pointee.basePosition = base.position
    unsafe chunk.descriptor.pointee.baseSequence = base.sequence
    unsafe chunk.descriptor.pointee.salt = segment.salt
    unsafe chunk.descriptor.pointee.segmentNumber = segment.file.number
    unsafe chunk.descriptor.pointee.openedTimestamp = timestamp
    unsafe chunk.descriptor.pointee.endPosition.store(0, ordering: .relaxed)
    unsafe chunk.descriptor.pointee.next.store(0, ordering: .relaxed)
    unsafe chunk.descriptor.pointee.expiredClaimCount.store(0, ordering: .relaxed)
    let hint = environment.recoveryHint
    let frame = ChunkFrame(
      basePosition: base.position,
      baseSequence: base.sequence,
      durablePosition: hint.durable.position,
      durableSequence: hint.durable.sequence,
      epoch: segment.epoch,
      statePosition: hint.statePosition
    )
    unsafe frame.encodeWithoutStamp(into: chunk.buffer, timestamp: timestamp)
    unsafe storeStamp(Format.stamp(salt: segment.salt, position: base.position), at: chunk.buffer)
  }

  private func padRun(_ chunk: Chunk, from offset: Int, to capacity: Int) {
    guard offset < capacity else { return }
    let start = unsafe chunk.buffer + offset
    unsafe (start + 8).initializeMemory(as: UInt8.self, repeating: 0, count: capacity - offset - 8)
    let position = chunk.basePosition + UInt64(offset)
    unsafe storeStamp(Format.stamp(salt: chunk.salt, position: position) ^ Format.paddingMask, at: start)
  }

  /// Makes a begun chunk the current one. `opensFor` is the first free offset, nil for a run, which opens
  /// closed.
  private func install(_ state: inout State, _ chunk: Chunk, opensFor offset: Int?) {
    let word = offset.map { ClaimWord(openAt: $0, capacity: chunk.capacity) } ?? .closed
    chunk.attach()
    // ORDERING: release, pairs with the acquiring adds: base, buffer and salt are visible to who fits.
    unsafe chunk.descriptor.pointee.claim.store(word.bits, ordering: .releasing)
    if let newest = state.newest {
      // ORDERING: release, pairs with the acquire in `Chunk.next`.
      unsafe newest.descriptor.pointee.next.store(chunk.bits, ordering: .releasing)
    } else {
      state.oldest = chunk
    }
    state.newest = chunk
    // ORDERING: release, pairs with the acquire in `claim`.
    unsafe words.header.pointee.current.store(chunk.bits, ordering: .releasing)
    changed.signal()
  }
}
