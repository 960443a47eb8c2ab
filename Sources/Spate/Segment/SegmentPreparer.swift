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

  /// How much is zeroed between two pauses.
  private static let fillByteCount = 1 << 20
  /// How much one zeroing write covers. In the page cache no more than a write of records would take.
  private var fillWriteByteCount: Int {
    storage.description.mode == .buffered ? QueueWriter.cachedExtentByteCount : Self.fillByteCount
  }

  /// Creates segment file `number` of `byteCount` bytes, whole blocks, zeroed throughout, and unused.
  ///
  /// `pause` is called after each MiB with how many bytes were written so far: it may sleep,
  /// to spare the writer's bandwidth, and returns false to stop zeroing: the rest is allocated and reads as
  /// zeros, but costs the writes into it metadata changes. When it returns, the file and its name are
  /// durable. On failure nothing is left behind; a full disk is `.diskFull`.
  func prepare(
    number: UInt64,
    byteCount: UInt64,
    pause: (UInt64) -> Bool = { _ in true }
  ) throws(SpateError) -> PreparedSegment {
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
      let filled = try fill(file, byteCount: byteCount, pause: pause)
      let made = PreparedSegment(
        number: number,
        path: path(number),
        file: file,
        byteCount: byteCount,
        footerOffset: footerOffset,
        blockByteCount: block,
        writtenByteCount: filled
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

  /// Writes zeros over the file, so that later writes change no metadata. Returns how far it came.
  private func fill(
    _ file: StorageFile,
    byteCount: UInt64,
    pause: (UInt64) -> Bool
  ) throws(SpateError) -> UInt64 {
    let step = min(UInt64(fillWriteByteCount), byteCount)
    let zeros = BlockBuffer(byteCount: Int(step), alignment: storage.blockByteCount)
    var offset: UInt64 = 0
    while offset < byteCount {
      let count = Int(min(step, byteCount - offset))
      unsafe try storage.write(file, UnsafeRawBufferPointer(rebasing: zeros.bytes[..<count]), at: offset)
      offset += UInt64(count)
      guard offset == byteCount || !offset.isMultiple(of: UInt64(Self.fillByteCount)) || pause(offset) else {
        break
      }
    }
    return offset
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
