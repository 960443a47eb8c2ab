import CSpate
import Synchronization

/// Bytes of the ring for one record, filled in place.
///
/// Fill ``bytes``, then ``publish(level:until:)`` or ``abandon()``; dropping the claim abandons it. A claim
/// holds back every later record of its queue, so take no lock and do no I/O while holding one.
///
/// A claim that is held longer than ``StoreOptions/claimDeadlineNanoseconds``, or whose thread is gone, is
/// given up by the committer: its sequence stays in the log as a place that cursors pass over, the records
/// behind it go on, and a late publish throws `expired`. Its buffer stays out of the pool until the claim is
/// dropped, so writing to it stays harmless.
///
/// Not shared between threads, but may be handed from one to another.
@safe
public struct Claim: ~Copyable, @unchecked Sendable {
  // SAFETY: the pin keeps the chunk's buffer where it is until the claim is dropped.
  private let queue: Queue
  private let start: UnsafeMutableRawPointer
  private let position: UInt64
  private let salt: UInt64
  private let chunk: Chunk
  private let frameByteCount: Int
  private var isOpen = true

  /// The record's sequence, fixed by the claim.
  public let sequence: UInt64
  /// How many bytes the record has.
  public let byteCount: Int

  init(queue: Queue, claimed: consuming Claimed, byteCount: Int) {
    self.queue = queue
    unsafe start = claimed.start
    position = claimed.position
    salt = claimed.salt
    chunk = claimed.chunk
    frameByteCount = claimed.byteCount
    sequence = claimed.sequence
    self.byteCount = byteCount
    // Our own unpublished bytes keep the chunk attached, so this succeeds.
    _ = chunk.tryPin()
    var header = FrameHeader(type: .record, timestamp: 0, bodyByteCount: byteCount)
    header.shape = FrameHeader.shape(type: .record, flags: [], keyByteCount: 0, headersByteCount: 0)
    unsafe header.encodeWithoutStamp(into: start)
    // Bytes of the buffer's last use, perhaps of another queue, must not reach the owner or the file.
    let body = unsafe start + FrameHeader.byteCount
    let room = frameByteCount - FrameHeader.byteCount
    unsafe body.initializeMemory(as: UInt8.self, repeating: 0, count: room)
    unsafe queue.ring.publish(
      stamp: Format.stamp(salt: salt, position: position) ^ Format.claimedMask,
      at: start
    )
  }

  /// The record's bytes, to be filled. They are zero at first.
  public var bytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get {
      let span = unsafe MutableRawSpan(_unsafeStart: start + FrameHeader.byteCount, byteCount: byteCount)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }

  /// Makes the record readable and returns once it is at `level`.
  ///
  /// - Throws: `expired` when the committer gave the claim up: the record is not in the log. Else as
  ///   ``Queue/append(_:level:)`` after the record has its sequence.
  /// - Complexity: O(bytes) for the checksum.
  @available(*, noasync)
  public consuming func publish(
    level: DurabilityLevel = .durable,
    until deadline: ContinuousClock.Instant? = nil
  ) throws(SpateError) {
    let published = finish(type: .record)
    let record = PublishedRecord(sequence: sequence, endPosition: position &+ UInt64(frameByteCount))
    guard published else {
      throw SpateError(
        .expired,
        "the claim was held past its deadline and given up; append the record again, or raise claimDeadlineNanoseconds",
        sequence: sequence
      )
    }
    if level != .published {
      try queue.wait(record, level: level, until: Deadline.monotonicNanoseconds(deadline))
    }
  }

  /// Gives the bytes up. The sequence stays in the log as a place that cursors pass over.
  public consuming func abandon() {
    _ = finish(type: .abandoned)
  }

  deinit {
    if isOpen {
      _ = unsafe Self.complete(queue, start, position, salt, frameByteCount, byteCount, type: .abandoned)
    }
    queue.ring.unpin(chunk)
  }

  private mutating func finish(type: FrameType) -> Bool {
    isOpen = false
    return unsafe Self.complete(queue, start, position, salt, frameByteCount, byteCount, type: type)
  }

  /// Writes the header and exchanges the stamp. Returns false when the committer was faster.
  private static func complete(
    _ queue: Queue,
    _ start: UnsafeMutableRawPointer,
    _ position: UInt64,
    _ salt: UInt64,
    _ frameByteCount: Int,
    _ byteCount: Int,
    type: FrameType
  ) -> Bool {
    let body = unsafe start + FrameHeader.byteCount
    var header = FrameHeader(
      type: type,
      timestamp: queue.currentTimestamp,
      // An abandoned frame spans its padding too, so that nothing of it is left to interpret.
      bodyByteCount: byteCount
    )
    if type == .abandoned { unsafe body.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount) }
    header.checksum = unsafe spate_crc32c_frame(
      header.bodyByteCount,
      header.timestamp,
      header.shape,
      body,
      type == .abandoned ? 0 : byteCount
    )
    // The committer reads the length of a claim that is out for too long, and cursors that of one it gave up.
    unsafe header.encodeBesideLength(into: start)
    let stamp = Format.stamp(salt: salt, position: position)
    // ORDERING: release: the record is visible before its stamp; acquire: if the committer was faster,
    // nothing here may be believed.
    let (exchanged, _) = unsafe start.assumingMemoryBound(to: Atomic<UInt64>.self).pointee.compareExchange(
      expected: stamp ^ Format.claimedMask,
      desired: stamp,
      ordering: .acquiringAndReleasing
    )
    if exchanged { queue.ring.attendIfAsked() }
    return exchanged
  }
}

extension Queue {
  /// Reserves `byteCount` bytes of the ring for one record, to be filled in place. Never blocks on the disk
  /// or the memory budget; any thread.
  ///
  /// - Returns: nil when there is no room now; nothing was appended.
  /// - Throws: `tooLarge`, `closed`, `queueFailed`, `diskFull`.
  public func tryClaim(byteCount: Int) throws(SpateError) -> Claim? {
    let frame = try claimFrameByteCount(byteCount)
    switch try claim(byteCount: frame, sequenceCount: 1) {
    case .claimed(let claimed): return Claim(queue: self, claimed: claimed, byteCount: byteCount)
    case .backPressured: return nil
    case .refused(let refusal): throw refusal.error
    }
  }

  /// Reserves `byteCount` bytes of the ring for one record, waiting for room until the deadline.
  ///
  /// - Throws: as ``tryClaim(byteCount:)``; `backPressured` at the deadline.
  @available(*, noasync)
  public func claim(byteCount: Int, until deadline: ContinuousClock.Instant? = nil) throws(SpateError)
    -> Claim
  {
    let frame = try claimFrameByteCount(byteCount)
    return Claim(
      queue: self,
      claimed: try claimWaiting(
        byteCount: frame,
        sequenceCount: 1,
        until: Deadline.monotonicNanoseconds(deadline)
      ),
      byteCount: byteCount
    )
  }

  private func claimFrameByteCount(_ byteCount: Int) throws(SpateError) -> Int {
    guard byteCount >= 0, byteCount <= 1 << 30 else {
      throw SpateError(.invalidArgument, "a claim has 0 to 1 GiB, not \(byteCount) bytes")
    }
    let frame = Format.frameByteCount(bodyByteCount: byteCount)
    try checkSize(frame)
    return frame
  }
}
