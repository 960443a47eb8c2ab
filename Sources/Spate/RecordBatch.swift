import CSpate

/// Records that are appended together: after a crash all of them are in the log, or none.
///
/// A buffer that grows; use it again after ``removeAll()``. Not for sharing between threads.
public struct RecordBatch: ~Copyable {
  /// The most records in a batch.
  public static let maximalCount = 1 << 20

  /// Whole frames but for stamp, timestamp and checksum, one behind the other.
  private(set) var bytes: [UInt8] = []
  private(set) var offsets: [Int] = []
  private(set) var timestamps: [UInt64] = []

  /// An empty batch.
  public init() {}

  /// How many records the batch holds.
  public var count: Int { offsets.count }

  /// Bytes that the batch takes in the log, frame headers and padding included.
  public var byteCount: Int { bytes.count }

  /// Makes room ahead.
  public mutating func reserveCapacity(records: Int, byteCount: Int) {
    bytes.reserveCapacity(byteCount + records * FrameHeader.byteCount)
    offsets.reserveCapacity(records)
    timestamps.reserveCapacity(records)
  }

  /// Copies a record to the end of the batch.
  ///
  /// - Parameter timestamp: ns since 1970; nil takes the time of the append.
  /// - Throws: `tooLarge` for a key of more than 65,535 bytes, a record of more than 1 GiB, or more than
  ///   ``maximalCount`` records; the batch is as it was.
  /// - Complexity: O(bytes), amortized.
  public mutating func append(
    _ payload: RawSpan,
    key: RawSpan = RawSpan(),
    headers: RawSpan = RawSpan(),
    timestamp: UInt64? = nil
  ) throws(SpateError) {
    try RecordBody.check(key: key.byteCount)
    let bodyByteCount = payload.byteCount + key.byteCount + headers.byteCount
    guard count < Self.maximalCount, bodyByteCount <= 1 << 30, payload.byteCount <= 1 << 30 else {
      throw SpateError(.tooLarge, "a batch takes at most \(Self.maximalCount) records of at most 1 GiB")
    }
    let offset = bytes.count
    let end = offset + Format.frameByteCount(bodyByteCount: bodyByteCount)
    bytes.append(contentsOf: repeatElement(0, count: FrameHeader.byteCount))
    unsafe payload.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    unsafe key.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    unsafe headers.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: repeatElement(0, count: end - bytes.count))
    let header = FrameHeader(
      type: .record,
      flags: offset == 0 ? [] : .continued,
      timestamp: 0,
      bodyByteCount: bodyByteCount,
      keyByteCount: key.byteCount,
      headersByteCount: headers.byteCount
    )
    unsafe bytes.withUnsafeMutableBytes { buffer in
      // SAFETY: the header's 32 bytes were appended above.
      guard let base = buffer.baseAddress else { return }
      unsafe header.encode(into: base + offset)
    }
    offsets.append(offset)
    timestamps.append(timestamp ?? 0)
  }

  /// Copies the bytes of an array to the end of the batch.
  public mutating func append(_ payload: [UInt8]) throws(SpateError) {
    try unsafe append(payload.span.bytes)
  }

  /// Empties the batch and keeps its memory.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    offsets.removeAll(keepingCapacity: true)
    timestamps.removeAll(keepingCapacity: true)
  }

  /// Writes all frames but their stamps to claimed memory, with times, batch flags and checksums.
  borrowing func write(to start: UnsafeMutableRawPointer, timestamp now: UInt64) {
    unsafe bytes.withUnsafeBytes { source in
      // SAFETY: the claim has `byteCount` bytes; the first word of each frame is left to its stamp.
      guard let base = source.baseAddress else { return }
      for index in offsets.indices {
        let offset = offsets[index]
        let end = index + 1 < offsets.count ? offsets[index + 1] : bytes.count
        let frame = unsafe start + offset
        var header = unsafe FrameHeader(decoding: base + offset)
        header.timestamp = timestamps[index] == 0 ? now : timestamps[index]
        if index + 1 < offsets.count { header.shape |= UInt64(FrameFlags.continues.rawValue) << 8 }
        header.checksum = unsafe spate_crc32c_frame(
          header.bodyByteCount,
          header.timestamp,
          header.shape,
          base + offset + FrameHeader.byteCount,
          Int(header.bodyByteCount)
        )
        unsafe (frame + FrameHeader.byteCount).copyMemory(
          from: base + offset + FrameHeader.byteCount,
          byteCount: end - offset - FrameHeader.byteCount
        )
        unsafe header.encodeWithoutStamp(into: frame)
      }
    }
  }
}
