import CSpate

/// Makes, reuses, seals and removes the segment files of one queue, each in an order that a crash cannot
/// hurt.
///
/// Blocking; for the housekeeping thread, or for an open. A new file is `<number>.preparing` until its
/// headers are synced, so an unfinished one is known by its name and recovery deletes it.
struct SegmentPreparer: Sendable {
  /// Where the files are.
  let storage: any Storage
  /// The queue's directory, relative to the store's.
  let directory: String
  /// What ties the files to the queue.
  let queueIdentifier: QueueIdentifier
  /// The epoch of the queue.
  var epoch: UInt64 = 0
  /// The highest epoch that a segment of the log durably tells of.
  var durableEpoch: @Sendable () -> UInt64 = { 0 }

  /// How much of a new file is zeroed: all of a small one, which a quiet queue writes in blocks of its own.
  ///
  /// Not more. Blocks that were never written cost the commit that meets them a change of metadata, so commits take many of
  /// them at a time (``QueueWriter/freshPadding(behind:at:of:)``); zeros ahead cost each byte a second write, and those who
  /// commit meanwhile wait behind these. *Measured* with 64 records of 1 KiB a producer, all of a file zeroed against its first
  /// MiB: the same throughput, p99 1.9 against 0.9 ms, and 1.6 against 1.1 bytes on the device for one of payload.
  private static let zeroedByteCount = 1 << 20
  /// How much one of these writes covers: in the page cache no more than a write of records.
  private static let pieceByteCount = QueueWriter.cachedExtentByteCount

  /// Creates segment file `number` of `byteCount` bytes, whole blocks, its beginning zeroed, and unused.
  ///
  /// The rest is allocated and reads as zeros. When this returns, the file and its name are durable. On failure nothing is
  /// left behind; a full disk is `.diskFull`.
  func prepare(number: UInt64, byteCount: UInt64) throws(SpateError) -> PreparedSegment {
    let block = storage.blockByteCount
    guard let footerOffset = Format.footerOffset(segmentByteCount: byteCount, blockByteCount: block) else {
      throw SpateError(
        .invalidArgument,
        "A segment of \(byteCount) bytes has no room for blocks of \(block)."
      )
    }
    let temporary = path(number, suffix: Format.preparingSuffix)
    if try storage.kind(of: temporary) != nil { try storage.remove(temporary) }
    let file = try storage.open(temporary, .createNew)
    do throws(SpateError) {
      try lock(file, path: temporary)
      try storage.allocate(file, byteCount: byteCount)
      let zeroed = min(byteCount, UInt64(Self.zeroedByteCount))
      try zero(file, byteCount: zeroed)
      let made = PreparedSegment(
        number: number,
        path: path(number),
        file: file,
        byteCount: byteCount,
        footerOffset: footerOffset,
        blockByteCount: block,
        writtenByteCount: zeroed
      )
      try finish(made, temporary: temporary)
      return made
    } catch {
      storage.close(file)
      try? storage.remove(temporary)
      try? storage.remove(path(number))
      throw error
    }
  }

  /// Makes a trimmed segment's file the unused segment `number`, without writing its data area: the salt of
  /// the next use makes its old frames invalid.
  ///
  /// A checkpoint that trims the segment must be durable. Returns nil when the file cannot be reused
  /// (somebody reads it under a lock, or its blocks differ from today's): remove it. On failure nothing that
  /// could be taken for a segment is left but the trimmed file, which the caller, or recovery, removes.
  func recycle(_ segment: SegmentDescription, as number: UInt64) throws(SpateError) -> PreparedSegment? {
    guard segment.blockByteCount == storage.blockByteCount,
      Format.footerOffset(segmentByteCount: segment.byteCount, blockByteCount: segment.blockByteCount)
        == segment.footerOffset
    else { return nil }
    let file = try storage.open(segment.path, .readWrite)
    let temporary = path(number, suffix: Format.preparingSuffix)
    do throws(SpateError) {
      // A reader in another process locks the file before it looks whose it is: either it holds the lock now, or
      // it finds the new header.
      guard try storage.tryLock(file, .writing), try storage.tryLock(file, .reusing),
        try storage.byteCount(of: file) == segment.byteCount
      else {
        storage.close(file)
        return nil
      }
      try storage.rename(segment.path, to: temporary)
      let made = PreparedSegment(
        number: number,
        path: path(number),
        file: file,
        byteCount: segment.byteCount,
        footerOffset: segment.footerOffset,
        blockByteCount: segment.blockByteCount,
        writtenByteCount: segment.byteCount
      )
      try finish(made, temporary: temporary)
      storage.unlock(file, .reusing)
      return made
    } catch {
      storage.close(file)
      try? storage.remove(temporary)
      try? storage.remove(path(number))
      throw error
    }
  }

  /// Writes the footer of a segment and syncs it. `file` is the segment's open, locked file. Everything below
  /// the footer's `endPosition` must be durable already: the footer proves it. A failure is harmless.
  func seal(
    _ file: StorageFile,
    of segment: SegmentDescription,
    footer: SegmentFooter
  ) throws(SpateError) {
    let region = segment.byteCount - segment.footerOffset
    let byteCount = Format.alignUp(footer.byteCount, to: segment.blockByteCount)
    guard UInt64(byteCount) <= region else {
      throw SpateError(
        .invalidArgument,
        "The footer has more entries than its region takes.",
        path: segment.path
      )
    }
    let buffer = BlockBuffer(byteCount: byteCount, alignment: segment.blockByteCount)
    unsafe footer.encode(into: buffer.bytes)
    unsafe try storage.write(file, UnsafeRawBufferPointer(buffer.bytes), at: segment.footerOffset)
    try storage.sync(file)
  }

  /// Trims: makes `checkpoint`, whose `firstSegmentNumber` is beyond all of `segments`, durable. Only then
  /// may their files be removed or recycled, which the caller does next.
  func trim(_ segments: [SegmentDescription], checkpoint: QueueCheckpoint) throws(SpateError) {
    precondition(segments.allSatisfy { $0.number < checkpoint.firstSegmentNumber })
    try checkpoint.store(in: storage, directory: directory)
  }

  /// Removes a segment's file: trimmed with a durable checkpoint, or cut off by a durable truncation.
  func remove(_ segment: SegmentDescription) throws(SpateError) {
    try storage.remove(segment.path)
    try storage.syncDirectory(directory)
  }

  // MARK: Steps

  private func path(_ number: UInt64, suffix: String = Format.segmentSuffix) -> String {
    directory + "/" + Format.segmentName(number, suffix: suffix)
  }

  private func lock(_ file: StorageFile, path: String) throws(SpateError) {
    guard try storage.tryLock(file, .writing) else {
      throw SpateError(.locked, "Somebody else holds a lock on a new segment file.", path: path)
    }
  }

  /// Writes zeros over the beginning of the file, so that later writes there change no metadata.
  private func zero(_ file: StorageFile, byteCount: UInt64) throws(SpateError) {
    let piece = min(Int(byteCount), Self.pieceByteCount)
    let zeros = BlockBuffer(byteCount: piece, alignment: storage.blockByteCount)
    for offset in stride(from: 0, to: byteCount, by: piece) {
      let count = min(piece, Int(byteCount - offset))
      unsafe try storage.write(file, UnsafeRawBufferPointer(rebasing: zeros.bytes[..<count]), at: offset)
    }
  }

  /// Writes identity and unused use sector, syncs, gives the file its name, syncs that.
  private func finish(_ made: PreparedSegment, temporary: String) throws(SpateError) {
    let header = BlockBuffer(byteCount: made.blockByteCount, alignment: made.blockByteCount)
    let identity = SegmentIdentity(
      blockByteCount: made.blockByteCount,
      segmentNumber: made.number,
      byteCount: made.byteCount,
      footerOffset: made.footerOffset,
      queueIdentifier: queueIdentifier,
      createdTimestamp: spate_now_realtime_ns()
    )
    unsafe identity.encode(into: header.bytes.baseAddress!)
    unsafe SegmentUse.unused(epoch: epoch).encode(into: header.bytes.baseAddress! + Format.useSectorOffset)
    unsafe try storage.write(made.file, UnsafeRawBufferPointer(header.bytes), at: 0)
    try storage.sync(made.file)
    try storage.rename(temporary, to: made.path)
    try storage.syncDirectory(directory)
  }
}
