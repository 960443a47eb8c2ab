/// What an acknowledgement frame says: how far one named cursor of the queue has come. A plain value.
///
///     offset  size  field of the payload; the key is the cursor's name
///          0     2  version            1
///          2     2  flags              bit 0: the cursor was removed
///          4     4  rangeCount
///          8    16  cursorIdentifier
///         24     8  epoch              of the acknowledged sequences
///         32     8  sequence           everything below is acknowledged
///         40     8  ordinal            one more with each frame of the cursor
///         48  16×n  ranges             first and past-the-last sequence, ascending, apart, above `sequence`
///
/// The frame with the highest ordinal holds, in whichever log of the store it stands, also when it says less
/// than one before it.
struct Acknowledgement: Equatable, Sendable {
  /// The bytes before the ranges.
  static let headByteCount = 48

  /// Whose place it is.
  var identifier: CursorIdentifier
  /// The epoch of the sequences.
  var epoch: UInt64
  /// Everything below this is acknowledged.
  var sequence: UInt64
  /// Orders everything that is recorded of the cursor, frames and slots.
  var ordinal: UInt64
  /// Whether the cursor is gone.
  var isRemoved = false

  /// Makes an acknowledgement.
  init(
    identifier: CursorIdentifier,
    epoch: UInt64,
    sequence: UInt64,
    ordinal: UInt64,
    isRemoved: Bool = false
  ) {
    self.identifier = identifier
    self.epoch = epoch
    self.sequence = sequence
    self.ordinal = ordinal
    self.isRemoved = isRemoved
  }

  /// Reads a payload; nil when it is of a version that this library does not know, or too short.
  init?(decoding payload: [UInt8]) {
    func word(_ offset: Int, _ count: Int) -> UInt64 {
      (0..<count).reduce(0) { $0 | UInt64(payload[offset + $1]) << (8 * UInt64($1)) }
    }
    guard payload.count >= Self.headByteCount, word(0, 2) == 1,
      payload.count >= Self.headByteCount + 16 * Int(word(4, 4))
    else { return nil }
    identifier = CursorIdentifier(high: word(8, 8), low: word(16, 8))
    epoch = word(24, 8)
    sequence = word(32, 8)
    ordinal = word(40, 8)
    isRemoved = word(2, 2) & 1 != 0
    guard max(epoch, sequence, ordinal) <= Format.maximalNumber else { return nil }
  }

  /// Writes the payload's 48 bytes.
  ///
  /// SAFETY: the caller owns 48 writable bytes at `payload`, eight-aligned.
  @unsafe
  func encode(into payload: UnsafeMutableRawPointer) {
    let first = UInt64(1) | UInt64(isRemoved ? 1 : 0) << 16
    unsafe payload.storeBytes(of: first.littleEndian, as: UInt64.self)
    unsafe payload.storeBytes(of: identifier.high.littleEndian, toByteOffset: 8, as: UInt64.self)
    unsafe payload.storeBytes(of: identifier.low.littleEndian, toByteOffset: 16, as: UInt64.self)
    unsafe payload.storeBytes(of: epoch.littleEndian, toByteOffset: 24, as: UInt64.self)
    unsafe payload.storeBytes(of: sequence.littleEndian, toByteOffset: 32, as: UInt64.self)
    unsafe payload.storeBytes(of: ordinal.littleEndian, toByteOffset: 40, as: UInt64.self)
  }
}
