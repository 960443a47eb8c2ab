import CSpate

/// Records that are appended together: after a crash all of them are in the log, or none.
///
/// A buffer that grows; use it again after ``removeAll()``. One owner at a time.
///
///     ┌──────────┬──────┬──────────┬──────┬─
///     │ header 0 │ body │ header 1 │ body │ …    whole frames, as they go to the ring, but for stamp,
///     └──────────┴──────┴──────────┴──────┴─     checksum and the time of the append
@safe
public struct RecordBatch: ~Copyable, @unchecked Sendable {
  /// The most records in a batch.
  public static let maximalCount = 1 << 20

  // SAFETY: owned by this value alone, freed with it; `byteCount` of `capacity` bytes are initialized.
  private var bytes: UnsafeMutableRawPointer?
  private var capacity = 0

  /// How many records the batch holds.
  public private(set) var count = 0
  /// Bytes that the batch takes in the log, frame headers and padding included.
  public private(set) var byteCount = 0
  /// Where the last frame begins.
  private var lastOffset = 0

  /// An empty batch.
  public init() { unsafe bytes = nil }

  deinit { unsafe bytes?.deallocate() }

  /// Makes room for so many records of so many bytes in all.
  public mutating func reserveCapacity(records: Int, byteCount: Int) {
    grow(to: byteCount + records * (FrameHeader.byteCount + Format.frameAlignment))
  }

  /// Copies a record to the end of the batch.
  ///
  /// - Throws: `tooLarge` for a record of more than 1 GiB, or more than ``maximalCount`` records; the batch
  ///   is as it was.
  /// - Complexity: O(bytes), amortized.
  public mutating func append(_ payload: RawSpan) throws(SpateError) {
    let end = try frameEnd(bodyByteCount: payload.byteCount)
    let shape = FrameHeader.shape(type: .record, flags: [], keyByteCount: 0, headersByteCount: 0)
    unsafe payload.withUnsafeBytes { unsafe add($0, at: FrameHeader.byteCount) }
    finish(bodyByteCount: payload.byteCount, shape: shape, timestamp: 0, end: end)
    count += 1
  }

  /// Copies a record with a key and headers to the end of the batch. As ``append(_:)``.
  ///
  /// - Parameters:
  ///   - key: up to 65,535 bytes; empty for none.
  ///   - headers: bytes whose meaning is the caller's; empty for none.
  ///   - timestamp: ns since 1970; nil takes the time of the append.
  /// - Throws: `tooLarge` also for a longer key.
  public mutating func append(
    _ payload: RawSpan,
    key: RawSpan,
    headers: RawSpan = RawSpan(),
    timestamp: UInt64? = nil
  ) throws(SpateError) {
    try appendFrame(of: .record, payload, key: key, headers: headers, timestamp: timestamp)
    count += 1
  }

  /// Copies a frame of any type to the end of the batch; only a record counts. As the public form.
  mutating func appendFrame(
    of type: FrameType,
    _ payload: RawSpan,
    key: RawSpan,
    headers: RawSpan,
    timestamp: UInt64? = nil
  ) throws(SpateError) {
    try RecordBody.check(key: key.byteCount)
    let keyOffset = FrameHeader.byteCount + payload.byteCount
    let bodyByteCount = payload.byteCount + key.byteCount + headers.byteCount
    let end = try frameEnd(bodyByteCount: bodyByteCount)
    let shape = FrameHeader.shape(
      type: type,
      flags: [],
      keyByteCount: key.byteCount,
      headersByteCount: headers.byteCount
    )
    unsafe payload.withUnsafeBytes { unsafe add($0, at: FrameHeader.byteCount) }
    unsafe key.withUnsafeBytes { unsafe add($0, at: keyOffset) }
    unsafe headers.withUnsafeBytes { unsafe add($0, at: keyOffset + key.byteCount) }
    finish(bodyByteCount: bodyByteCount, shape: shape, timestamp: timestamp ?? 0, end: end)
  }

  /// Copies the bytes of an array to the end of the batch. As ``append(_:)``.
  public mutating func append(_ payload: [UInt8]) throws(SpateError) {
    try unsafe append(payload.span.bytes)
  }

  /// Empties the batch and keeps its memory.
  public mutating func removeAll() {
    count = 0
    byteCount = 0
    lastOffset = 0
  }

  // MARK: Building

  /// Makes room for one more frame. Returns where it will end.
  @inline(__always)
  private mutating func frameEnd(bodyByteCount: Int) throws(SpateError) -> Int {
    guard count < Self.maximalCount, bodyByteCount <= 1 << 30 else {
      throw SpateError(.tooLarge, "a batch takes at most \(Self.maximalCount) records of at most 1 GiB")
    }
    let end = byteCount + Format.frameByteCount(bodyByteCount: bodyByteCount)
    if end > capacity { grow(to: end) }
    // The last word first: the zeros of the padding, which the copies leave.
    unsafe bytes.unsafelyUnwrapped.storeBytes(of: 0, toByteOffset: end - 8, as: UInt64.self)
    return end
  }

  @inline(__always)
  private func add(_ source: UnsafeRawBufferPointer, at offset: Int) {
    // SAFETY: `frameEnd` made room for all parts of the frame.
    guard let base = source.baseAddress else { return }
    unsafe (bytes.unsafelyUnwrapped + byteCount + offset).copyMemory(from: base, byteCount: source.count)
  }

  @inline(__always)
  private mutating func finish(bodyByteCount: Int, shape: UInt64, timestamp: UInt64, end: Int) {
    let flags: FrameFlags = byteCount == 0 ? [] : .continued
    let frame = unsafe bytes.unsafelyUnwrapped + byteCount
    let second = UInt64(UInt32(truncatingIfNeeded: bodyByteCount)) << 32
    unsafe frame.storeBytes(of: second.littleEndian, toByteOffset: 8, as: UInt64.self)
    unsafe frame.storeBytes(of: timestamp.littleEndian, toByteOffset: 16, as: UInt64.self)
    let flagged = shape | UInt64(flags.rawValue) << 8
    unsafe frame.storeBytes(of: flagged.littleEndian, toByteOffset: 24, as: UInt64.self)
    lastOffset = byteCount
    byteCount = end
  }

  /// Replaces bytes of the payload of a frame that begins at `offset`.
  mutating func overwrite(payloadOfFrameAt offset: Int, with payload: RawSpan) {
    unsafe payload.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return }
      // SAFETY: the frame was appended, with a payload of this size.
      let target = unsafe bytes.unsafelyUnwrapped + offset + FrameHeader.byteCount
      unsafe target.copyMemory(from: base, byteCount: source.count)
    }
  }

  @inline(never)
  private mutating func grow(to wanted: Int) {
    guard wanted > capacity else { return }
    let larger = max(wanted, capacity * 2, 4096)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    if let bytes = unsafe bytes {
      unsafe memory.copyMemory(from: bytes, byteCount: byteCount)
      unsafe bytes.deallocate()
    }
    unsafe bytes = memory
    capacity = larger
  }

  // MARK: Appending

  /// Writes all frames to claimed memory, all stamps but that at its beginning included: whoever sees that one sees
  /// the whole batch.
  ///
  /// - Parameters:
  ///   - base: how many bytes of the same atomic batch stand before these frames in the claim.
  ///   - isContinued: whether more frames of it follow.
  borrowing func write(
    to claimed: borrowing Claimed,
    at base: Int = 0,
    isContinued: Bool = false,
    timestamp now: UInt64
  ) {
    // SAFETY: the claim has `base + byteCount` bytes. Its first word is left alone: the committer may look at it.
    guard byteCount > 0, let source = unsafe bytes else { return }
    let target = unsafe claimed.start + base
    unsafe (target + 8).copyMemory(from: source + 8, byteCount: byteCount - 8)
    var offset = 0
    while offset < byteCount {
      let body = unsafe UInt32(littleEndian: source.load(fromByteOffset: offset + 12, as: UInt32.self))
      let given = unsafe UInt64(littleEndian: source.load(fromByteOffset: offset + 16, as: UInt64.self))
      var shape = unsafe UInt64(littleEndian: source.load(fromByteOffset: offset + 24, as: UInt64.self))
      if offset < lastOffset || isContinued { shape |= UInt64(FrameFlags.continues.rawValue) << 8 }
      if base > 0 { shape |= UInt64(FrameFlags.continued.rawValue) << 8 }
      let timestamp = given == 0 ? now : given
      let checksum = unsafe spate_crc32c_frame(
        body,
        timestamp,
        shape,
        source + offset + FrameHeader.byteCount,
        Int(body)
      )
      let second = UInt64(checksum) | UInt64(body) << 32
      unsafe target.storeBytes(of: second.littleEndian, toByteOffset: offset + 8, as: UInt64.self)
      unsafe target.storeBytes(of: timestamp.littleEndian, toByteOffset: offset + 16, as: UInt64.self)
      unsafe target.storeBytes(of: shape.littleEndian, toByteOffset: offset + 24, as: UInt64.self)
      if base + offset > 0 {
        let position = claimed.position &+ UInt64(truncatingIfNeeded: base + offset)
        let stamp = Format.stamp(salt: claimed.salt, position: position)
        // ORDERING: plain: nobody looks at this stamp before the first one's release.
        unsafe target.storeBytes(of: stamp.littleEndian, toByteOffset: offset, as: UInt64.self)
      }
      offset += Format.frameByteCount(bodyByteCount: Int(body))
    }
  }
}
