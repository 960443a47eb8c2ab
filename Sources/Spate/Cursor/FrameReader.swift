import CSpate
import Synchronization

/// Follows the frames of one queue's log from record to record, wherever their bytes are. One owner at a
/// time.
///
///     segments, mapped window by window          ring, chunk by chunk
///     ──────────────────┬──────────────────┬────────────────────┬───────────►  log
///                       └ a window: checked └ a pinned chunk: in place
///                         by CRC-32C          as published
///
/// ``advance()`` is the hot path: a stamp's load, two loads of the header, one of the count of truncations, and no call, lock or reference
/// count as long as `position` is below `limit`. Everything else happens in ``refill()``, once a chunk, a
/// window or a move of the watermark.
///
/// INVARIANT: the bytes of positions `basePosition ..< limit` are at `bytes`, held by `lease`, and no byte
/// below the followed watermark changes. A frame that begins below `limit` is whole there in the ring; in a
/// window that is checked.
@safe
struct FrameReader: ~Copyable {
  /// What `bytes` are.
  enum Source {
    case none
    case chunk(Chunk)
    /// A mapped window, or a copy of the tail that was read from the file, of a segment.
    case segment(number: UInt64)
    /// Published frames copied from a chunk that could not be pinned for long.
    case copy
  }

  /// What is to be found on the disk before reading can go on.
  enum Seek { case sequence(UInt64), time(UInt64) }

  let log: CursorLog
  let support: CursorSupport
  let place: CursorPlace
  let level: DurabilityLevel

  // SAFETY: `bytes` and `frame` point into what `lease` holds; they are read only below `limit`.
  var bytes: UnsafeRawPointer
  var basePosition: UInt64 = 0
  /// Where the next frame begins.
  var position: UInt64 = 0
  /// Up to where frames may be read from `bytes` now.
  var limit: UInt64 = 0
  /// The sequence of the next record.
  var sequence: UInt64 = 0
  var salt: UInt64 = 0
  /// Whether records are passed over until `skipBelow` and `skipBefore` are reached.
  var isSkipping = false
  /// Whether the frame at `position` was claimed and not published when it was looked at.
  var isStopped = false
  /// The record that ``advance()`` found.
  var frame: UnsafeRawPointer
  var frameSequence: UInt64 = 0

  var skipBelow: UInt64 = 0
  var skipBefore: UInt64 = 0
  /// How many bytes from `position` on the next window must have; 0 when any will do.
  var neededByteCount: UInt64 = 0
  /// How many bytes from `position` on the next window had better have: a batch goes on behind this one.
  var wantedByteCount: UInt64 = 0
  /// Frames below this need no check: all in the ring, and in a window those of a batch that was found whole in these `bytes`.
  private(set) var checkedEnd: UInt64 = 0
  var source = Source.none
  private(set) var lease: Lease?
  /// The file of the segment that is read window by window.
  var openSegment: OpenSegment?
  /// Counts the leases, so that a batch notices a new one without touching references.
  private(set) var leaseNumber = 0
  var pendingSeek: Seek?
  /// A failure that was met behind records that a batch took, for the next move.
  var pendingError: SpateError?
  var seenTruncations: UInt64
  // SAFETY: the registry's, which `log` keeps.
  let truncationWord: UnsafeMutablePointer<Atomic<UInt64>>
  /// Whether the reader goes on by itself where what is kept begins, when its place was trimmed.
  var passesTrimmed = false
  /// Whether the disk may be read now; if not, `needsDisk` says that it would have been.
  var mayBlock = true
  var needsDisk = false

  init(log: CursorLog, level: DurabilityLevel) {
    self.log = log
    self.level = level
    support = log.support
    place = CursorPlace(sequence: log.watermarks.durableSequence)
    unsafe bytes = UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped
    unsafe frame = UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped
    unsafe truncationWord = log.cursors.truncationWord
    seenTruncations = log.cursors.truncationCount
    log.cursors.add(place)
  }

  deinit { log.cursors.remove(place) }

  /// The sequence of the record that would come next.
  var nextSequence: UInt64 { isSkipping ? max(sequence, skipBelow) : sequence }

  /// The bytes of the frame that ``advance()`` found.
  var frameByteCount: Int {
    // SAFETY: the frame is whole, and held.
    Format.frameByteCount(
      bodyByteCount: unsafe Int(UInt32(littleEndian: frame.load(fromByteOffset: 12, as: UInt32.self)))
    )
  }

  /// Keeps a failure for the next move: records before it were found by this one.
  mutating func postpone(_ error: SpateError) {
    pendingError = error
    limit = position
  }

  /// Moves to the next record that may be seen; false when there is none now, or when `needsDisk` was set.
  ///
  /// On a thrown error the reader stands where it stood, or, where records were lost, behind them.
  @inline(__always)
  mutating func advance() throws(SpateError) -> Bool {
    while true {
      // ORDERING: acquire, pairs with the release in `noteTruncation`: records that a truncation that has returned cut off
      // are not delivered, though their bytes are still held here.
      guard position < limit, unsafe truncationWord.pointee.load(ordering: .acquiring) == seenTruncations
      else {
        guard try refill() else { return false }
        continue
      }
      // SAFETY: the invariant: 8 bytes at least are there below `limit`, all of a frame once it is published
      // or checked.
      let candidate = unsafe bytes + Int(truncatingIfNeeded: position &- basePosition)
      let stamp = Format.stamp(salt: salt, position: position)
      let word = unsafe Ring.loadStamp(at: candidate)
      guard word == stamp else {
        guard unsafe try passOver(word, stamp, at: candidate) else { return false }
        continue
      }
      // SAFETY: as above; the record is looked at up to `limit`.
      if position >= checkedEnd,
        unsafe spate_record_check(candidate, Int(truncatingIfNeeded: limit &- position))
          != Int32(SPATE_RECORD_INTACT)
      {
        guard unsafe try verify(candidate) else { continue }
      }
      let body = unsafe UInt32(littleEndian: candidate.load(fromByteOffset: 12, as: UInt32.self))
      let type = unsafe candidate.load(fromByteOffset: 24, as: UInt8.self)
      position &+= UInt64(truncatingIfNeeded: Format.frameByteCount(bodyByteCount: Int(body)))
      guard type == FrameType.record.rawValue else {
        if FrameType(rawValue: type).takesSequence { sequence &+= 1 }
        continue
      }
      unsafe frame = candidate
      frameSequence = sequence
      sequence &+= 1
      if isSkipping, unsafe skips(candidate) { continue }
      return true
    }
  }

  /// As ``advance()``, waiting until `deadline` (monotonic ns; negative: no limit). False at the deadline.
  ///
  /// - Throws: what failed the queue, or `closed`, once nothing more can come.
  mutating func advance(until deadline: Int64) throws(SpateError) -> Bool {
    while true {
      if try advance() { return true }
      // The order matters: what comes after the count was read, and after the follower parked, ends the sleep.
      let event = moreEvent
      let seen = event.current
      if level == .published { log.parkFollower() }
      if try advance() { return true }
      if let failure = log.watermarks.failure { throw failure }
      if !event.wait(from: seen, until: deadline) { return try advance() }
    }
  }

  /// What is signalled when more may be seen than before. A reader that waits has read all that was covered, so each signal
  /// is its own.
  private var moreEvent: EventCount { level == .published ? log.published : log.watermarks.advanced }

  // MARK: Holding bytes

  /// Reads from other bytes from here on; `limit` and `source` are for the caller to set.
  mutating func hold(
    _ new: Lease?,
    bytes: UnsafeRawPointer?,
    basePosition: UInt64,
    salt: UInt64,
    isVerifying: Bool
  ) {
    lease = new
    leaseNumber &+= 1
    if let bytes = unsafe bytes { unsafe self.bytes = bytes }
    self.basePosition = basePosition
    self.salt = salt
    isStopped = false
    // INVARIANT: what was checked are these bytes: others at the same positions are checked anew.
    checkedEnd = isVerifying ? 0 : .max
    wantedByteCount = 0
  }

  /// Whether the bytes that are held are those of a window, which are checked.
  var isVerifying: Bool { checkedEnd != .max }

  /// Holds nothing: the next move looks for the position anew.
  mutating func letGo() {
    if lease != nil { unsafe hold(nil, bytes: nil, basePosition: 0, salt: 0, isVerifying: false) }
    source = .none
    limit = 0
  }

  // MARK: Steps off the hot path

  /// Handles a word that is not the frame's stamp. False when nothing more can be read now.
  @inline(never)
  private mutating func passOver(
    _ word: UInt64,
    _ stamp: UInt64,
    at candidate: UnsafeRawPointer
  ) throws(SpateError) -> Bool {
    if word == stamp ^ Format.paddingMask {
      position = Format.alignUp(position + 8, to: log.storage.blockByteCount)
      return true
    }
    if isVerifying {
      try meetDamage()
      return true
    }
    if word == stamp ^ Format.expiredMask {
      // SAFETY: the length was stored before the claim's stamp.
      let body = unsafe UInt32(littleEndian: candidate.load(fromByteOffset: 12, as: UInt32.self))
      position &+= UInt64(Format.frameByteCount(bodyByteCount: Int(body)))
      sequence &+= 1
      return true
    }
    // Claimed, or stale bytes: the next frame is not published, unless the chunk ends here.
    isStopped = true
    return try refill()
  }

  /// Checks the frame at `position` in bytes that came from the disk, which is not an intact record that stands alone. False
  /// when the reader moved instead: to more bytes, or behind damage.
  @inline(never)
  private mutating func verify(_ candidate: UnsafeRawPointer) throws(SpateError) -> Bool {
    let available = limit &- position
    guard available >= UInt64(FrameHeader.byteCount) else {
      neededByteCount = UInt64(FrameHeader.byteCount)
      limit = position
      return false
    }
    let header = unsafe FrameHeader(decoding: candidate)
    guard UInt64(header.frameByteCount) <= available else {
      neededByteCount = UInt64(header.frameByteCount)
      limit = position
      return false
    }
    // SAFETY: the whole frame is below `limit`.
    let computed = unsafe spate_crc32c_frame(
      header.bodyByteCount,
      header.timestamp,
      header.shape,
      candidate + FrameHeader.byteCount,
      header.checkedByteCount
    )
    if computed == header.checksum, header.isWellFormed || header.type == .abandoned,
      unsafe header.type != .chunk || isExpected(chunkAt: candidate, header)
    {
      guard header.flags.contains(.continues), header.type != .chunk else { return true }
      return unsafe try checkBatch(candidate, header)
    }
    try meetDamage()
    return false
  }

  /// Checks the rest of a batch whose first frame is at `position`: it is there as a whole or not at all. False when the
  /// reader moved instead.
  @inline(never)
  private mutating func checkBatch(_ candidate: UnsafeRawPointer, _ first: FrameHeader) throws(SpateError)
    -> Bool
  {
    var frame = unsafe candidate
    var header = first
    var end = position
    while true {
      end += UInt64(header.frameByteCount)
      guard header.flags.contains(.continues) else { break }
      unsafe frame += header.frameByteCount
      guard end + UInt64(FrameHeader.byteCount) <= limit else {
        return needBatch(byteCount: end + UInt64(FrameHeader.byteCount) - position)
      }
      header = unsafe FrameHeader(decoding: frame)
      guard header.stamp == Format.stamp(salt: salt, position: end), header.flags.contains(.continued),
        header.isWellFormed, header.type != .chunk
      else {
        try meetDamage()
        return false
      }
      guard UInt64(header.frameByteCount) <= limit - end else {
        return needBatch(byteCount: end + UInt64(header.frameByteCount) - position)
      }
      // SAFETY: the whole frame is below `limit`.
      guard
        unsafe spate_record_check(frame, header.frameByteCount) != Int32(SPATE_RECORD_OTHER)
          || header.computedChecksum(ofFrame: frame) == header.checksum
      else {
        try meetDamage()
        return false
      }
    }
    checkedEnd = end
    return true
  }

  /// Asks for a window with more of a batch: twice as much as there is, so that few windows are looked at in vain.
  private mutating func needBatch(byteCount: UInt64) -> Bool {
    neededByteCount = byteCount
    wantedByteCount = 2 * (limit - position)
    limit = position
    return false
  }

  /// Whether a chunk frame belongs where the reader arrived.
  private func isExpected(chunkAt candidate: UnsafeRawPointer, _ header: FrameHeader) -> Bool {
    guard Int(header.bodyByteCount) == ChunkFrame.bodyByteCount else { return false }
    let chunk = unsafe ChunkFrame(decodingBody: candidate + FrameHeader.byteCount)
    return chunk.basePosition == position && chunk.baseSequence == sequence && chunk.isConsistent
  }

  /// Whether the record that was found lies before the one that was asked for.
  @inline(never)
  private mutating func skips(_ candidate: UnsafeRawPointer) -> Bool {
    let timestamp = unsafe UInt64(littleEndian: candidate.load(fromByteOffset: 16, as: UInt64.self))
    if frameSequence < skipBelow || timestamp < skipBefore { return true }
    isSkipping = false
    return false
  }
}
