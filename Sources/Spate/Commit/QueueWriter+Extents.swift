import CSpate
import Glibc

// Gathering: turning drained bytes into the vectors of one write.
extension QueueWriter {
  static let extentByteCount = 1 << 20
  /// The same where the file was never written: each write changes metadata there, so fewer and larger ones do.
  static let freshExtentByteCount = 4 << 20
  /// The same in the page cache. It keeps what one write brings as one folio, and each later write into a folio, however
  /// small, walks all its blocks: 0.6 µs in a folio of 2 MiB (ext4, `block_commit_write`).
  static let cachedExtentByteCount = 256 << 10
  /// How much a small write into such a place takes in with zeros, for those that come after it.
  static let freshPieceByteCount = 256 << 10
  static let inFlightLimit = 4

  /// Fills `slot` with the next extent. Returns false when there is nothing that may be written now.
  ///
  /// Whole blocks are written from the ring, in place. The partial block at the tail is written from a copy,
  /// zeroed beyond the last frame, again each time it has grown, and only while no other write of it is in
  /// flight: nobody changes bytes under a write, and nobody else's bytes reach the file.
  ///
  /// - Parameter bytewise: whether to begin and end within blocks, in place, where the page cache has them: that is less to
  ///   copy. For writes that are made at once.
  func fillExtent(_ slot: inout ExtentSlot, durably: Bool, bytewise: Bool = false) -> Bool {
    guard hasUnsubmitted, let index = segmentIndex(at: submitted) else { return false }
    let block = blockByteCount
    // A block that is not in the page cache, of a file that was used before, would be read first.
    let bytewise = bytewise && segments[index].isFresh && expired.isEmpty
    let start = bytewise ? submitted : Format.alignDown(submitted, to: block)
    if start != submitted, tailIsInFlight { return false }
    let (base, dataOffset) = (segments[index].segment.base.position, segments[index].segment.dataOffset)
    let segmentEnd = index + 1 < segments.count ? segments[index + 1].segment.base.position : UInt64.max

    slot.vectorCount = 0
    slot.includesTail = false
    slot.includesHeader = !segments[index].isHeaderSubmitted
    if slot.includesHeader { addHeader(segments[index].segment, to: &slot) }
    let limit = extentLimit(at: start, in: segments[index])
    let firstChunk = writeChunk
    var position = start
    var byteCount = 0
    var mark: LogMark?
    gathering: while let chunk = writeChunk, position < segmentEnd {
      let chunkEnd = chunk.endPosition
      let available = min(drained.position, chunkEnd ?? UInt64.max)
      guard position < available else {
        guard position == chunkEnd, let next = chunk.next else { break }
        writeChunk = next
        continue
      }
      let whole = Format.alignDown(available, to: block)
      var piece = Int(whole - min(position, whole))
      let isFull = slot.vectorCount >= ExtentSlot.vectorCapacity - 3 || byteCount >= limit
      if isFull || (byteCount > 0 && byteCount + piece > limit) { break }
      piece = min(piece, limit)
      if position == chunk.basePosition, position >= submitted { raiseDurable(in: chunk) }
      if piece > 0 {
        let source = unsafe chunk.buffer + Int(position - chunk.basePosition)
        unsafe slot.add(iovec(iov_base: source, iov_len: piece))
        position += UInt64(piece)
        byteCount += piece
        if position < whole {
          // A run larger than an extent: the mark waits for the extent that ends it.
          mark = nil
          break
        }
      }
      if position == chunkEnd {
        mark = LogMark(position: position, sequence: chunk.endSequence)
        continue
      }
      if available == whole {
        // What was drained ends with a whole block.
        mark = drained
        break gathering
      }
      // The rest is a partial block at the tail of what was drained.
      guard durably || (inFlight.isEmpty && byteCount < limit) else { break }
      if bytewise {
        let source = unsafe chunk.buffer + Int(position - chunk.basePosition)
        unsafe slot.add(iovec(iov_base: source, iov_len: Int(available - position)))
      } else {
        addTail(chunk, from: position, to: available, &slot)
        slot.includesTail = true
      }
      position = available
      mark = drained
      break gathering
    }
    guard position > submitted else { return false }
    slot.start = start
    slot.end = position
    slot.mark = mark
    slot.segmentNumber = segments[index].segment.file.number
    slot.writer = self
    if !expired.isEmpty, !copyAroundExpiredClaims(&slot) {
      // No memory for the copy: the same extent is tried again at the next round.
      writeChunk = firstChunk
      return false
    }
    segments[index].isHeaderSubmitted = true
    let end = dataOffset + (Format.alignUp(position, to: block) - base)
    segments[index].writtenByteCount = max(segments[index].writtenByteCount, end)
    submitted = position
    return true
  }

  /// Lets the frame of a chunk that is written for the first time say how far the log is durable by now. Chunks are opened
  /// a whole ring before they are written: an opening after a kill would scan all of that.
  private func raiseDurable(in chunk: Chunk) {
    // INVARIANT: nothing at or behind the chunk was submitted, so nothing there is durable.
    unsafe ChunkFrame.raiseDurable(to: durable, at: chunk.buffer)
  }

  /// How many bytes one write takes at most.
  private func extentLimit(at position: UInt64, in segment: WriteSegment) -> Int {
    if usesPageCache { return Self.cachedExtentByteCount }
    let offset = segment.segment.dataOffset + (position - segment.segment.base.position)
    return offset >= segment.writtenByteCount ? Self.freshExtentByteCount : Self.extentByteCount
  }

  /// How many bytes of zeros to write behind `byteCount` bytes at `offset` of the segment's file, so that the
  /// next writes do not meet blocks that were never written. The write is the only one of the queue.
  func freshPadding(behind byteCount: Int, at offset: UInt64, of slot: ExtentSlot) -> Int {
    guard let index = segments.firstIndex(where: { $0.segment.file.number == slot.segmentNumber }) else {
      return 0
    }
    let footerOffset = segments[index].segment.file.footerOffset
    let end = offset + UInt64(byteCount)
    // Not where writes have been before: what stands there may be a footer to come, or nothing to be gained.
    guard Format.alignUp(end, to: blockByteCount) >= segments[index].writtenByteCount, end < footerOffset
    else { return 0 }
    let padded = min(footerOffset, Format.alignUp(end, to: Self.freshPieceByteCount))
    segments[index].writtenByteCount = padded
    return Int(padded - end)
  }

  /// Opens the files that were closed while the queue was idle. Before anything is gathered for them.
  func openFiles() throws(SpateError) {
    for index in segments.indices where segments[index].file == nil {
      let path = segments[index].segment.file.path
      let storage = core.engine.storage
      let file = try storage.open(path, .readWrite)
      guard try storage.tryLock(file, .writing) else {
        storage.close(file)
        throw SpateError(.locked, "somebody else holds a lock on a segment that is written", path: path)
      }
      segments[index].file = file
      core.engine.countOpenFiles(1)
    }
  }

  /// Closes the files of a queue that has nothing to do, for others that have.
  func closeFiles() {
    guard inFlight.isEmpty, syncSlot == nil else { return }
    for index in segments.indices {
      guard let file = segments[index].file else { continue }
      core.engine.storage.close(file)
      segments[index].file = nil
      core.engine.countOpenFiles(-1)
    }
  }

  /// The file and the offset that a filled slot goes to.
  func destination(of slot: ExtentSlot) -> (file: StorageFile, offset: UInt64)? {
    guard let index = segments.firstIndex(where: { $0.segment.file.number == slot.segmentNumber }),
      let file = segments[index].file
    else { return nil }
    if slot.includesHeader { return (file, 0) }
    let begin = segments[index].segment.dataOffset
    return (file, begin + (slot.start - segments[index].segment.base.position))
  }

  private func segmentIndex(at position: UInt64) -> Int? {
    segments.lastIndex { $0.segment.base.position <= position }
  }

  /// The header block goes in front of the segment's first extent, in the same write.
  private func addHeader(_ segment: RingSegment, to slot: inout ExtentSlot) {
    let block = blockByteCount
    let header = unsafe slot.memory.blocks.address
    unsafe header.initializeMemory(as: UInt8.self, repeating: 0, count: block)
    let identity = SegmentIdentity(
      blockByteCount: segment.file.blockByteCount,
      segmentNumber: segment.file.number,
      byteCount: segment.file.byteCount,
      footerOffset: segment.file.footerOffset,
      queueIdentifier: core.identifier,
      createdTimestamp: segment.timestamp
    )
    unsafe identity.encode(into: header)
    unsafe segment.use.encode(into: header + Format.useSectorOffset)
    unsafe slot.add(iovec(iov_base: header, iov_len: block))
  }

  private func addTail(_ chunk: Chunk, from start: UInt64, to end: UInt64, _ slot: inout ExtentSlot) {
    let block = blockByteCount
    let tail = unsafe slot.memory.blocks.address + block
    let count = Int(end - start)
    unsafe tail.copyMemory(from: chunk.buffer + Int(start - chunk.basePosition), byteCount: count)
    unsafe (tail + count).initializeMemory(as: UInt8.self, repeating: 0, count: block - count)
    unsafe slot.add(iovec(iov_base: tail, iov_len: block))
  }

  /// Replaces a slot's vectors by a private copy in which claims that were given up are proper abandoned
  /// frames: their owners may still write to the ring's bytes. Returns false when there is no memory for the
  /// copy.
  private func copyAroundExpiredClaims(_ slot: inout ExtentSlot) -> Bool {
    let block = blockByteCount
    // A claim that ends in the tail block is written again with it, also when it is durable already.
    let settled = Format.alignDown(durable.position, to: block)
    expired.removeAll { $0.position + UInt64($0.byteCount) <= settled }
    let touched = expired.filter { $0.position < slot.end && $0.position + UInt64($0.byteCount) > slot.start }
    guard !touched.isEmpty else { return true }
    let header = slot.includesHeader ? block : 0
    let total = (0..<slot.vectorCount).reduce(0) { unsafe $0 + slot.memory.vectors[$1].iov_len }
    guard let copy = try? AlignedBuffer(byteCount: total, alignment: block) else { return false }
    var filled = 0
    for index in 0..<slot.vectorCount {
      let vector = unsafe slot.memory.vectors[index]
      if let base = unsafe vector.iov_base {
        unsafe (copy.address + filled).copyMemory(from: base, byteCount: vector.iov_len)
      }
      unsafe filled += vector.iov_len
    }
    for claim in touched {
      var frame = FrameHeader(
        type: .abandoned,
        // The same in every write: a header may stand across two of them.
        timestamp: claim.timestamp,
        bodyByteCount: claim.byteCount - FrameHeader.byteCount
      )
      let image = UnsafeMutableRawPointer.allocate(byteCount: claim.byteCount, alignment: 8)
      defer { unsafe image.deallocate() }
      unsafe image.initializeMemory(as: UInt8.self, repeating: 0, count: claim.byteCount)
      frame.stamp = Format.stamp(salt: salt(of: slot), position: claim.position)
      unsafe frame.encode(into: image)
      frame.checksum = unsafe frame.computedChecksum(ofFrame: UnsafeRawPointer(image))
      unsafe frame.encode(into: image)
      let from = max(claim.position, slot.start)
      let to = min(claim.position + UInt64(claim.byteCount), slot.end)
      let target = unsafe copy.address + header + Int(from - slot.start)
      unsafe target.copyMemory(from: image + Int(from - claim.position), byteCount: Int(to - from))
    }
    slot.copy = copy
    slot.vectorCount = 0
    unsafe slot.add(iovec(iov_base: copy.address, iov_len: total))
    return true
  }

  private func salt(of slot: ExtentSlot) -> UInt64 {
    segments.first { $0.segment.file.number == slot.segmentNumber }?.segment.salt ?? 0
  }
}

extension ExtentSlot {
  mutating func add(_ vector: iovec) {
    unsafe memory.vectors[vectorCount] = vector
    vectorCount += 1
  }

  /// The vectors, for the kernel.
  var vectors: UnsafeBufferPointer<iovec> {
    unsafe UnsafeBufferPointer(start: memory.vectors, count: vectorCount)
  }

  /// The bytes of all vectors.
  var byteCount: Int { (0..<vectorCount).reduce(0) { unsafe $0 + memory.vectors[$1].iov_len } }
}
