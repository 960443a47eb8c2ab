import CSpate
import Synchronization

extension FrameReader {
  /// Moves over the records that come next and adds the frame of each to `sink`, as long as nothing but records comes,
  /// all of it in the ring. What it stops at is for ``advance()``.
  ///
  /// With its places in registers: each frame's place follows from the length of the one before, and a place that is
  /// stored and loaded again takes longer than all the rest.
  ///
  /// - Parameters:
  ///   - maximalCount: the most records.
  ///   - byteCount: it stops behind the record with which the frames have so many bytes.
  /// - Returns: how many records were added, and the bytes of their frames.
  @inline(__always)
  mutating func run<Sink: FrameSink>(maximalCount: Int, byteCount: Int, into sink: inout Sink)
    -> (count: Int, byteCount: Int)
  {
    guard !isVerifying, !isSkipping else { return (0, 0) }
    let (bytes, basePosition, limit, salt) = unsafe (bytes, basePosition, limit, salt)
    let (seenTruncations, truncationWord) = unsafe (seenTruncations, truncationWord)
    var (position, sequence) = (position, sequence)
    var last = unsafe frame
    let begin = position
    var count = 0
    // ORDERING: as in `advance`.
    while count < maximalCount, position &- begin < UInt64(truncatingIfNeeded: byteCount), position < limit,
      unsafe truncationWord.pointee.load(ordering: .acquiring) == seenTruncations
    {
      // SAFETY: as in `advance`; what is asked for ahead need not be there.
      let candidate = unsafe bytes + Int(truncatingIfNeeded: position &- basePosition)
      unsafe spate_prefetch_for_reading(candidate + 1024, 128)
      guard unsafe Ring.loadStamp(at: candidate) == Format.stamp(salt: salt, position: position),
        unsafe candidate.load(fromByteOffset: 24, as: UInt8.self) == FrameType.record.rawValue
      else { break }
      let body = unsafe UInt32(littleEndian: candidate.load(fromByteOffset: 12, as: UInt32.self))
      unsafe sink.add(candidate, sequence)
      unsafe last = candidate
      position &+= UInt64(truncatingIfNeeded: Format.frameByteCount(bodyByteCount: Int(body)))
      sequence &+= 1
      count &+= 1
    }
    guard count > 0 else { return (0, 0) }
    unsafe frame = last
    frameSequence = sequence &- 1
    self.position = position
    self.sequence = sequence
    return (count, Int(truncatingIfNeeded: position &- begin))
  }
}
