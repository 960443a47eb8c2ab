/// The file `queue.cursors`: a pair of slots for each named cursor, written in turn.
///
///     ┌────────┬────────┬────────┬────────┬─
///     │ 0, A   │ 0, B   │ 1, A   │ 1, B   │ …      blocks of 4096 bytes
///     └────────┴────────┴────────┴────────┴─
///
/// A pair is written with zeros when it is given out, so that saving a place later takes no new room on the
/// disk. Guarded by its owner's lock, which is held while the disk works; open only meanwhile.
struct CursorFile {
  /// A pair of slots, the side that holds the newest one, and that one's generation; 0 when there is none.
  struct Pair: Equatable, Sendable {
    var number: Int
    var side = 1
    var generation: UInt64 = 0

    /// Where the next slot goes: the other side, with the next generation.
    var next: Pair { Pair(number: number, side: 1 - side, generation: generation + 1) }
  }

  /// One slot to be written, and where.
  struct Write {
    var slot: CursorSlot
    var pair: Pair
  }

  private let storage: any Storage
  private let directory: String
  /// How many pairs the file has; 0 while there is none.
  private(set) var capacity: Int
  private var free: [Pair]

  private var path: String { directory + "/" + Format.cursorsName }
  private static let pairByteCount = 2 * CursorSlot.byteCount

  /// Goes on with what ``CursorFileContent`` found.
  init(storage: any Storage, directory: String, capacity: Int, free: [Pair]) {
    self.storage = storage
    self.directory = directory
    self.capacity = capacity
    self.free = free
  }

  /// A pair that nobody uses. Makes the file, or doubles it, when there is none.
  mutating func takePair() throws(SpateError) -> Pair {
    if free.isEmpty { try grow() }
    return free.removeLast()
  }

  /// Gives a pair back that was never written.
  mutating func giveBack(_ pair: Pair) { free.append(pair) }

  /// Writes slots and syncs them. When it throws, each pair still holds its other slot.
  func write(_ writes: [Write]) throws(SpateError) {
    guard !writes.isEmpty else { return }
    let file = try storage.open(path, .readWriteBuffered)
    defer { storage.close(file) }
    let buffer = BlockBuffer(byteCount: CursorSlot.byteCount, alignment: Format.minimumBlockByteCount)
    for write in writes {
      buffer.clear()
      unsafe write.slot.encode(into: buffer.bytes.baseAddress.unsafelyUnwrapped)
      try unsafe storage.write(
        file,
        UnsafeRawBufferPointer(buffer.bytes),
        at: UInt64(write.pair.number * Self.pairByteCount + write.pair.side * CursorSlot.byteCount)
      )
    }
    try storage.sync(file)
  }

  /// Adds as many pairs as there are, at least 8 and at most 1024, zeroed.
  private mutating func grow() throws(SpateError) {
    let added = min(1024, max(8, capacity))
    let isNew = try storage.kind(of: path) == nil
    let file = try storage.open(path, isNew ? .createNewBuffered : .readWriteBuffered)
    defer { storage.close(file) }
    let begin = UInt64(capacity * Self.pairByteCount)
    let byteCount = added * Self.pairByteCount
    try storage.allocate(file, byteCount: begin + UInt64(byteCount))
    let zeros = BlockBuffer(byteCount: min(byteCount, 1 << 20), alignment: Format.minimumBlockByteCount)
    for offset in stride(from: 0, to: byteCount, by: zeros.byteCount) {
      try unsafe storage.write(file, UnsafeRawBufferPointer(zeros.bytes), at: begin + UInt64(offset))
    }
    if isNew { try storage.syncDirectory(directory) }
    free += (capacity..<capacity + added).reversed().map { Pair(number: $0) }
    capacity += added
  }
}
