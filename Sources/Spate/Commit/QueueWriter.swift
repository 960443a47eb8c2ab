import CSpate
import Glibc
import Synchronization

/// What the committer knows of one queue: how far it drained, submitted, wrote and made durable. For who has the
/// committer's turn only; "committer only" means that wherever it stands.
///
///     durable        written        submitted        drained          published
///     ───┼──────────────┼───────────────┼────────────────┼────────────────┼───►  log
///        credited by    completed       handed to        seen in          claimed
///        a sync         in order        the kernel       the ring         by producers
///
/// INVARIANT: durable <= written <= submitted rounded up to a block, and drained is the end of a whole batch.
final class QueueWriter {
  /// A segment that is being written, or waits for the sync that completes it.
  struct WriteSegment {
    let segment: RingSegment
    /// The file, opened again after an idle time; nil while it is closed.
    var file: StorageFile?
    var isHeaderSubmitted = false
    /// Grows as chunks are drained; written once the segment is durable to its end.
    var footer: SegmentFooter
    let footerByteCount: Int
    /// The offset in the file up to which it has been written at some time, whole blocks.
    var writtenByteCount: UInt64
    /// Whether it was never written but for its beginning when this use began.
    let isFresh: Bool

    init(segment: RingSegment) {
      self.segment = segment
      file = segment.file.file
      writtenByteCount = segment.file.writtenByteCount
      isFresh = writtenByteCount < segment.file.footerOffset
      footer = SegmentFooter(salt: segment.salt, firstTimestamp: segment.timestamp)
      footerByteCount = Int(segment.file.byteCount - segment.file.footerOffset)
    }

    /// The whole footer of a segment that ended.
    func footer(end: LogMark, lastTimestamp: UInt64) -> SegmentFooter {
      var footer = footer
      footer.endPosition = end.position
      footer.endSequence = end.sequence
      footer.lastTimestamp = lastTimestamp
      footer.recordCount = end.sequence - segment.base.sequence
      return footer
    }
  }

  /// The queue, which made this writer. The store holds it until it was dropped, and the committer forgot the writer, or
  /// until the committer has ended.
  private unowned(unsafe) let owner: QueueCore
  /// Of the queue, for the same reason. Not its watermarks: those lead back to the committer, which lists this writer.
  let ring: Ring
  let counters: QueueCounters
  let blockByteCount: Int
  /// Whether writes go through the page cache.
  let usesPageCache: Bool
  var drainChunk: Chunk?
  var drainPosition: UInt64
  var drainSequence: UInt64
  /// The end of the last whole batch that was drained.
  var drained: LogMark
  /// The chunk that was drained to its end last, while the ring still holds it.
  var lastDrained: Chunk?
  /// The last chunk that is counted in ``keptByteCount``, while the ring still holds it.
  var lastSettled: Chunk?
  /// The chunk in which `submitted` lies.
  var writeChunk: Chunk?
  var submitted: UInt64
  var written: LogMark
  var durable: LogMark
  private let segmentsValue = TurnValue<[WriteSegment]>([])
  private let inFlightValue = TurnValue<[Int]>([])
  /// Whether a write in flight covers the partial tail block.
  var tailIsInFlight = false
  var syncSlot: Int?
  var isActive = false
  /// Whether the queue was dropped: the committer never looks at it again.
  var isReleased = false
  /// Whether the committer asked for the next publish in the settling that goes on.
  var isResting = false
  var failure: SpateError?
  /// When a claim that was not published was first seen at the drain position, monotonic ns; 0 when none is.
  var blockedSince: UInt64 = 0
  /// Claims that were given up in chunks that are not written yet, in order.
  var expired: [(position: UInt64, byteCount: Int, timestamp: UInt64)] = []
  /// When a write that met a full disk may be tried again, monotonic ns; 0 when none is waiting.
  var retryNanoseconds: UInt64 = 0
  /// Whether appends are refused because a write met a full disk.
  var isFull = false
  /// Bytes of the chunks that are durable, or written where syncs are put off, and stay for the cursors that read them.
  var keptByteCount = 0
  /// Whether the committer has this queue among those that could give such bytes back.
  var isListedAsKeeper = false
  /// Whether cursors read the ring, and when that was looked at, monotonic ns.
  var tailIsRead = false
  var tailLookNanoseconds: UInt64 = 0
  /// When the last sync was submitted, or the queue opened, monotonic ns.
  var lastSyncNanoseconds = spate_now_monotonic_ns()

  init(core: QueueCore, end: LogMark) {
    unsafe owner = core
    ring = core.ring
    counters = core.counters
    blockByteCount = core.engine.storage.blockByteCount
    usesPageCache = core.engine.storage.description.mode == .buffered
    drainPosition = end.position
    drainSequence = end.sequence
    drained = end
    submitted = end.position
    written = end
    durable = end
    inFlight.reserveCapacity(8)
  }

  deinit {
    segmentsValue.destroy()
    inFlightValue.destroy()
  }

  /// The segments that are written, or wait for the sync that completes them.
  var segments: [WriteSegment] {
    @inline(__always)
    _read { yield segmentsValue.value }
    @inline(__always)
    _modify { yield &segmentsValue.value }
  }

  /// Slots of writes in flight, in order of position.
  var inFlight: [Int] {
    @inline(__always)
    _read { yield inFlightValue.value }
    @inline(__always)
    _modify { yield &inFlightValue.value }
  }

  // SAFETY: see `owner`. Each round asks dozens of times, and a checked reference counts each.
  @inline(__always)
  var core: QueueCore { unsafe owner }

  /// Whether records were drained that no write covers yet.
  var hasUnsubmitted: Bool { submitted < drained.position }

  /// Whether something was written that no sync covers yet.
  var hasUnsynced: Bool { durable.position < written.position }

  /// Whether what was written should be synced now. With a sync interval, only when somebody waits for it or
  /// the time is up.
  var isSyncWanted: Bool {
    guard let interval = core.syncIntervalNanoseconds else { return true }
    // Each segment that waits for its sync holds a descriptor.
    if segments.count > Self.unsyncedSegmentLimit { return true }
    return core.watermarks.isDurabilityAwaited || spate_now_monotonic_ns() &- lastSyncNanoseconds >= interval
  }

  /// Whether the end of a sync is to be noticed at once: somebody waits for it, or may follow what is durable.
  var isSyncAwaited: Bool { core.syncIntervalNanoseconds == nil || core.watermarks.isDurabilityAwaited }

  private static let unsyncedSegmentLimit = 8

  /// Up to where the ring's chunks are not needed any more. A queue that syncs at once keeps them for those who
  /// follow what is durable; one that puts syncs off would fill the memory with what the kernel has long had.
  var reclaimablePosition: UInt64 {
    core.syncIntervalNanoseconds == nil ? durable.position : written.position
  }

  /// Whether there is nothing to do for this queue now.
  var isQuiet: Bool {
    guard inFlight.isEmpty, syncSlot == nil else { return false }
    if failure != nil { return true }
    return (!hasUnsubmitted || retryNanoseconds != 0) && (!hasUnsynced || !isSyncWanted)
  }

  /// When this queue has to be looked at again although nothing was published, monotonic ns.
  var nextDeadline: UInt64? {
    guard failure == nil else { return nil }
    var deadline: UInt64?
    func consider(_ time: UInt64) { deadline = min(deadline ?? time, time) }
    if retryNanoseconds != 0 { consider(retryNanoseconds) }
    if blockedSince != 0 { consider(blockedSince &+ core.claimDeadlineNanoseconds) }
    if hasUnsynced, let interval = core.syncIntervalNanoseconds { consider(lastSyncNanoseconds &+ interval) }
    return deadline
  }

  /// Whether nothing is in flight and everything that was drained is durable.
  var isSettled: Bool {
    inFlight.isEmpty && syncSlot == nil && (failure != nil || (!hasUnsubmitted && !hasUnsynced))
  }

  /// Whether the pending bytes may travel by one write that is its own sync: nothing else is in flight or
  /// unsynced, so the bytes it covers are all that its credit speaks of. Bytes that were written but end
  /// inside a frame are in no mark: `submitted` tells of them.
  func isLight(limit: UInt64) -> Bool {
    isSyncWanted && inFlight.isEmpty && syncSlot == nil && durable.position == submitted && hasUnsubmitted
      && drained.position - submitted <= limit && expired.isEmpty && segments.count == 1
  }
}

// Draining: following published frames through the ring.
extension QueueWriter {
  /// Advances over the frames that were published since the last call. Returns whether there were any.
  func drain() -> Bool {
    guard failure == nil else { return false }
    var moved = false
    while true {
      guard let chunk = drainChunk ?? chunk(behind: lastDrained) else { return moved }
      if drainChunk == nil { enter(chunk) }
      let before = drainPosition
      scan(chunk)
      if drainPosition != before { moved = true }
      guard let end = chunk.endPosition, drainPosition == end else { return moved }
      drained = LogMark(position: end, sequence: drainSequence)
      drainChunk = nil
      lastDrained = chunk
    }
  }

  /// Stands at no chunk of the ring any more: they go.
  func forgetChunks() {
    drainChunk = nil
    lastDrained = nil
    lastSettled = nil
    writeChunk = nil
  }

  /// The chunk that follows one, if it is there; the ring's oldest behind none.
  func chunk(behind last: Chunk?) -> Chunk? {
    guard let last else { return ring.oldestChunk }
    return last.next
  }

  /// Takes a chunk over: its segment, its place in the index.
  private func enter(_ chunk: Chunk) {
    drainChunk = chunk
    if segments.last?.segment.file.number != chunk.segmentNumber {
      for segment in ring.takeBegunSegments() {
        segments.append(WriteSegment(segment: segment))
        core.engine.countOpenFiles(1)
        core.segmentBegan(segment)
      }
      // The one before may be durable to its end by now: nothing else would take it off.
      finishSegments()
    }
    if writeChunk == nil { writeChunk = chunk }
    // Not always the last one: producers may have begun more before we came.
    guard let index = segments.lastIndex(where: { $0.segment.file.number == chunk.segmentNumber }) else {
      return
    }
    segments[index].footer.add(
      chunkAt: chunk.basePosition,
      sequence: chunk.baseSequence,
      timestamp: chunk.openedTimestamp,
      regionByteCount: segments[index].footerByteCount
    )
  }

  /// Follows the frames of one chunk from the drain position on, as far as they are published.
  private func scan(_ chunk: Chunk) {
    let salt = chunk.salt
    let base = chunk.basePosition
    let limit = base + UInt64(chunk.capacity)
    var position = drainPosition
    var sequence = drainSequence
    var mark = drained
    var records: UInt64 = 0
    let buffer = unsafe UnsafeRawPointer(chunk.buffer)
    scanning: while position < limit {
      let frame = unsafe buffer + Int(truncatingIfNeeded: position &- base)
      let expected = Format.stamp(salt: salt, position: position)
      let seen = unsafe Ring.loadStamp(at: frame)
      var takesSequence: UInt64 = 1
      var continues = false
      let byteCount: Int
      if seen == expected {
        // SAFETY: the stamp says that the header of 32 bytes was published in this chunk.
        let body = unsafe frame.load(fromByteOffset: 12, as: UInt32.self)
        let shape = unsafe frame.load(fromByteOffset: 24, as: UInt64.self)
        let type = FrameType(rawValue: UInt8(truncatingIfNeeded: shape))
        takesSequence = type.takesSequence ? 1 : 0
        continues = shape & (UInt64(FrameFlags.continues.rawValue) << 8) != 0
        byteCount = Format.frameByteCount(bodyByteCount: Int(body))
      } else if seen == expected ^ Format.paddingMask {
        position = chunk.endPosition ?? Format.alignUp(position, to: blockByteCount)
        mark = LogMark(position: position, sequence: sequence)
        break scanning
      } else if seen == expected ^ Format.claimedMask {
        guard let given = unsafe giveUpClaim(at: frame, expected: expected, position: position, chunk: chunk)
        else {
          break scanning
        }
        byteCount = given
      } else {
        break scanning
      }
      position &+= UInt64(truncatingIfNeeded: byteCount)
      sequence &+= takesSequence
      records &+= takesSequence
      if !continues { mark = LogMark(position: position, sequence: sequence) }
    }
    if position != drainPosition { blockedSince = 0 }
    drainPosition = position
    drainSequence = sequence
    drained = mark
    if records > 0 { counters.countDrained(records: records) }
  }

  /// Gives up a claim that has been out for longer than the deadline. Returns its size, or nil while it may
  /// still be published.
  private func giveUpClaim(
    at frame: UnsafeRawPointer,
    expected: UInt64,
    position: UInt64,
    chunk: Chunk
  ) -> Int? {
    let now = spate_now_monotonic_ns()
    if blockedSince == 0 {
      blockedSince = now
      return nil
    }
    guard now - blockedSince >= core.claimDeadlineNanoseconds else { return nil }
    let body = unsafe frame.load(fromByteOffset: 12, as: UInt32.self)
    let byteCount = Format.frameByteCount(bodyByteCount: Int(body))
    // ORDERING: acquire and release: either the owner's publish comes first, and its bytes are visible, or
    // ours does and the owner learns that it is too late.
    let (exchanged, _) = unsafe UnsafeMutableRawPointer(mutating: frame)
      .assumingMemoryBound(to: Atomic<UInt64>.self).pointee.compareExchange(
        expected: expected ^ Format.claimedMask,
        desired: expected ^ Format.expiredMask,
        ordering: .acquiringAndReleasing
      )
    guard exchanged else { return nil }
    blockedSince = 0
    expired.append((position, byteCount, core.timestamp))
    unsafe chunk.descriptor.pointee.expiredClaimCount.wrappingAdd(1, ordering: .releasing)
    core.countExpiredClaim()
    return byteCount
  }
}

extension SegmentFooter {
  /// The footer of a segment that has just begun.
  init(salt: UInt64, firstTimestamp: UInt64) {
    self.salt = salt
    self.firstTimestamp = firstTimestamp
    endPosition = 0
    endSequence = 0
    lastTimestamp = 0
    recordCount = 0
  }
}
