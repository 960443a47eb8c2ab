/// A record's parts as plain pointers, laid out like `spate_record` of the C interface.
///
/// Good as long as whoever lent it holds the bytes.
@safe
package struct RecordView {
  // SAFETY: the lender of the view keeps the frame that these point into.
  var payload: UnsafeRawPointer
  var payloadByteCount: Int
  var key: UnsafeRawPointer
  var headers: UnsafeRawPointer
  var keyByteCount: UInt32
  var headersByteCount: UInt32
  /// The record's ordinal in its queue.
  package var sequence: UInt64
  var timestamp: UInt64

  /// SAFETY: a whole record frame stands at `frame`, and is held as long as the view is used.
  @inline(__always)
  @unsafe
  init(frame: UnsafeRawPointer, sequence: UInt64) {
    let body = unsafe Int(UInt32(littleEndian: frame.load(fromByteOffset: 12, as: UInt32.self)))
    let shape = unsafe UInt64(littleEndian: frame.load(fromByteOffset: 24, as: UInt64.self))
    keyByteCount = UInt32(UInt16(truncatingIfNeeded: shape >> 16))
    headersByteCount = UInt32(truncatingIfNeeded: shape >> 32)
    payloadByteCount = body &- Int(keyByteCount) &- Int(headersByteCount)
    unsafe payload = frame + FrameHeader.byteCount
    unsafe key = payload + payloadByteCount
    unsafe headers = key + Int(keyByteCount)
    self.sequence = sequence
    timestamp = unsafe UInt64(littleEndian: frame.load(fromByteOffset: 16, as: UInt64.self))
  }
}

extension Cursor {
  /// Moves to the next record and writes a view of it, which is good until the next use of the cursor. As
  /// ``next(until:)``, with the deadline as monotonic ns; 0 does not wait, negative waits without limit.
  ///
  /// - Returns: false when there is none.
  @unsafe
  package mutating func next(until limit: Int64, writingTo view: UnsafeMutablePointer<RecordView>)
    throws(SpateError) -> Bool
  {
    guard limit == 0 ? try reader.advance() : try reader.advance(until: limit) else { return false }
    unsafe view.initialize(to: RecordView(frame: reader.frame, sequence: reader.frameSequence))
    return true
  }
}

extension NamedCursor {
  /// As the form of a cursor without a name.
  @unsafe
  package mutating func next(until limit: Int64, writingTo view: UnsafeMutablePointer<RecordView>)
    throws(SpateError) -> Bool
  {
    try unsafe cursor.next(until: limit, writingTo: view)
  }
}
