import CSpate

/// One of the two slots that hold a named cursor's place in `queue.cursors`. A plain value.
///
///     offset  size  field
///          0     8  magic "SPATECUR"
///          8     4  version            1
///         12     4  byteCount          of the slot, checksum included; at most 4096
///         16    16  queueIdentifier
///         32    16  cursorIdentifier
///         48     8  generation
///         56     8  epoch              of the acknowledged sequence
///         64     8  sequence           everything below is acknowledged
///         72     8  position           0, or a hint: where the record `sequence` begins
///         80     8  ordinal            acknowledgement frames up to this one are contained
///         88     4  rangeCount
///         92     4  destinationCount
///         96     2  nameByteCount
///         98     2  flags              bit 0: the cursor was removed
///        100     4  zero
///        104        name, zeros to a multiple of 8
///          …  16×n  ranges
///          …  16×m  destinations       queues whose logs may hold acknowledgements of this cursor
///          …     4  checksum           of everything before it
struct CursorSlot: Equatable, Sendable {
  /// Each slot has a block of its own, so that no write of one can hurt another.
  static let byteCount = 4096
  /// The bytes before the name.
  static let headByteCount = 104

  /// What ties the file to the queue.
  var queueIdentifier: QueueIdentifier
  /// Whose place it is.
  var identifier: CursorIdentifier
  /// The cursor's name.
  var name: [UInt8]
  /// The valid slot of the pair with the higher one counts.
  var generation: UInt64
  /// The epoch of `sequence`.
  var epoch: UInt64
  /// Everything below this is acknowledged.
  var sequence: UInt64
  /// Acknowledgement frames up to this ordinal are contained.
  var ordinal: UInt64
  /// Whether the cursor is gone: frames that are scanned must not bring it back.
  var isRemoved = false
  /// The queues whose logs may hold acknowledgements of this cursor that no slot contains.
  var destinations: [QueueIdentifier] = []

  /// How many destinations fit beside a name of the longest kind.
  static let destinationLimit = 200

  /// What a slot's bytes can be.
  enum Decoding: Equatable {
    case valid(CursorSlot)
    /// Never written.
    case blank
    /// Torn, damaged, of another queue or of a version that this library does not know.
    case damaged
  }

  /// Reads a slot.
  ///
  /// SAFETY: 4096 bytes are readable at `bytes`.
  @unsafe
  static func decode(_ bytes: UnsafeRawPointer, queueIdentifier: QueueIdentifier) -> Decoding {
    func u64(_ offset: Int) -> UInt64 {
      unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    func u32(_ offset: Int) -> UInt32 {
      unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    let count = Int(u32(12))
    guard u64(0) == Format.cursorMagic, u32(8) == 1, count >= headByteCount + 4, count <= byteCount,
      unsafe spate_crc32c(0, bytes, count - 4) == u32(count - 4),
      u64(16) == queueIdentifier.high, u64(24) == queueIdentifier.low
    else {
      let isBlank = stride(from: 0, to: byteCount, by: 8).allSatisfy { u64($0) == 0 }
      return isBlank ? .blank : .damaged
    }
    let nameByteCount = Int(u32(96) & 0xFFFF)
    let rangeCount = Int(u32(88))
    let destinationCount = Int(u32(92))
    guard rangeCount <= byteCount / 16, destinationCount <= byteCount / 16,
      max(u64(48), u64(56), u64(64), u64(80)) <= Format.maximalNumber
    else { return .damaged }
    let destinationsOffset = headByteCount + Format.alignUp(nameByteCount, to: 8) + 16 * rangeCount
    guard destinationsOffset + 16 * destinationCount + 4 <= count else { return .damaged }
    let name = unsafe Array(
      UnsafeRawBufferPointer(start: bytes + headByteCount, count: nameByteCount)
    )
    return .valid(
      CursorSlot(
        queueIdentifier: queueIdentifier,
        identifier: CursorIdentifier(high: u64(32), low: u64(40)),
        name: name,
        generation: u64(48),
        epoch: u64(56),
        sequence: u64(64),
        ordinal: u64(80),
        isRemoved: u32(96) >> 16 & 1 != 0,
        destinations: (0..<destinationCount).map { index in
          let offset = destinationsOffset + 16 * index
          return QueueIdentifier(high: u64(offset), low: u64(offset + 8))
        }
      )
    )
  }

  /// Writes the slot's 4096 bytes, checksum included.
  ///
  /// INVARIANT: at most ``destinationLimit`` destinations.
  ///
  /// SAFETY: the caller owns 4096 writable, zeroed bytes at `bytes`, eight-aligned.
  @unsafe
  func encode(into bytes: UnsafeMutableRawPointer) {
    func store(_ offset: Int, _ word: UInt64) {
      unsafe bytes.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
    }
    func store(_ offset: Int, _ word: UInt32) {
      unsafe bytes.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt32.self)
    }
    let destinationsOffset = Self.headByteCount + Format.alignUp(name.count, to: 8)
    let end = destinationsOffset + 16 * destinations.count
    store(0, Format.cursorMagic)
    store(8, UInt32(1))
    store(12, UInt32(end + 4))
    store(16, queueIdentifier.high)
    store(24, queueIdentifier.low)
    store(32, identifier.high)
    store(40, identifier.low)
    store(48, generation)
    store(56, epoch)
    store(64, sequence)
    store(80, ordinal)
    store(92, UInt32(destinations.count))
    store(96, UInt32(name.count) | UInt32(isRemoved ? 1 : 0) << 16)
    for (index, byte) in name.enumerated() {
      unsafe bytes.storeBytes(of: byte, toByteOffset: Self.headByteCount + index, as: UInt8.self)
    }
    for (index, destination) in destinations.enumerated() {
      store(destinationsOffset + 16 * index, destination.high)
      store(destinationsOffset + 16 * index + 8, destination.low)
    }
    store(end, unsafe spate_crc32c(0, UnsafeRawPointer(bytes), end))
  }
}
