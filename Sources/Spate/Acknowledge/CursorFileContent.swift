/// What `queue.cursors` held when the queue was opened. A plain value.
struct CursorFileContent: Sendable {
  /// The newest valid slot of a pair.
  struct Entry: Sendable {
    var pair: CursorFile.Pair
    var slot: CursorSlot
  }

  /// How many pairs the file has.
  var capacity = 0
  /// The pairs that hold a place, or the note that a cursor was removed.
  var entries: [Entry] = []
  /// Pairs without a valid slot.
  var free: [CursorFile.Pair] = []
  /// Pairs in which something stands that cannot be read, and nothing that can.
  var unreadablePairs: [Int] = []
  /// Whether places may be missing here that no frame in the log tells of.
  var isIncomplete = false

  /// Reads the file of a queue; an empty content when there is none.
  ///
  /// - Parameter isExpected: whether the checkpoint says that there is one.
  static func load(
    from storage: any Storage,
    directory: String,
    queueIdentifier: QueueIdentifier,
    isExpected: Bool
  ) throws(SpateError) -> CursorFileContent {
    var content = CursorFileContent()
    let path = directory + "/" + Format.cursorsName
    guard try storage.kind(of: path) != nil else {
      content.isIncomplete = isExpected
      return content
    }
    let file = try storage.open(path, .read)
    defer { storage.close(file) }
    let pairByteCount = 2 * CursorSlot.byteCount
    content.capacity = Int(clamping: try storage.byteCount(of: file) / UInt64(pairByteCount))
    content.isIncomplete = isExpected && content.capacity == 0
    let window = BlockBuffer(
      byteCount: min(128, content.capacity) * pairByteCount,
      alignment: Format.minimumBlockByteCount
    )
    for first in stride(from: 0, to: content.capacity, by: 128) {
      let count = min(128, content.capacity - first)
      let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: window.bytes[..<(count * pairByteCount)])
      unsafe readOrClear(storage, file, bytes, at: UInt64(first * pairByteCount))
      for index in 0..<count {
        let pair = unsafe UnsafeRawPointer(bytes.baseAddress.unsafelyUnwrapped) + index * pairByteCount
        unsafe content.add(pair: first + index, bytes: pair, queueIdentifier: queueIdentifier)
      }
    }
    if !content.unreadablePairs.isEmpty { content.isIncomplete = true }
    return content
  }

  /// What the medium does not give is judged slot by slot: a slot that cannot be read counts as damaged.
  ///
  /// SAFETY: the caller owns `bytes`, whole pairs.
  @unsafe
  private static func readOrClear(
    _ storage: any Storage,
    _ file: StorageFile,
    _ bytes: UnsafeMutableRawBufferPointer,
    at offset: UInt64
  ) {
    if let count = unsafe try? storage.read(file, into: bytes, at: offset), count == bytes.count { return }
    for start in stride(from: 0, to: bytes.count, by: CursorSlot.byteCount) {
      let slot = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start..<(start + CursorSlot.byteCount)])
      let count = unsafe (try? storage.read(file, into: slot, at: offset + UInt64(start))) ?? 0
      if count != slot.count { unsafe slot.initializeMemory(as: UInt8.self, repeating: 0xFF) }
    }
  }

  /// SAFETY: a whole pair is readable at `bytes`.
  @unsafe
  private mutating func add(pair: Int, bytes: UnsafeRawPointer, queueIdentifier: QueueIdentifier) {
    let sides = [0, 1].map { side in
      unsafe CursorSlot.decode(bytes + side * CursorSlot.byteCount, queueIdentifier: queueIdentifier)
    }
    var newest: Entry?
    for (side, decoding) in sides.enumerated() {
      guard case .valid(let slot) = decoding, slot.generation >= newest?.slot.generation ?? 0 else {
        continue
      }
      newest = Entry(pair: CursorFile.Pair(number: pair, side: side, generation: slot.generation), slot: slot)
    }
    if let newest { return entries.append(newest) }
    free.append(CursorFile.Pair(number: pair))
    if sides.contains(.damaged) { unreadablePairs.append(pair) }
  }
}
