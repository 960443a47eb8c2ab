import CSpate

/// The file `queue.checkpoint`: what a queue's state frames and trims have come to. Replaced as a whole.
///
///     offset  size  field
///          0     8  magic "SPATECKP"
///          8     4  formatVersion
///         12     4  byteCount            of the whole file, checksum included
///         16     8  requiredFeatures
///         24    16  queueIdentifier
///         40     8  trimmedPosition      the log begins here
///         48     8  trimmedSequence      the first record that may still be read
///         56     8  firstSegmentNumber   files with lower numbers are trimmed
///         64     8  statePosition        state frames below this are contained here
///         72     8  durablePosition      the log was durable below this
///         80     8  durableSequence
///         88     8  fencingEpoch
///         96     8  epoch                in which this was written: a later truncation outdates it
///        104     4  entryCount
///        108     4  flags                bit 0: the queue has a file of cursor slots
///        112     4  acknowledgementCount
///        116     4  zero
///        120        entries: nameByteCount (2), zero (2), valueByteCount (4), name (UTF-8), value
///          …        acknowledgements of transactions: queueIdentifier (16), cursorIdentifier (16), epoch (8),
///                   sequence (8), ordinal (8)
///          …     4  checksum             CRC-32C of everything before it
///
/// The queue reads the same without it: a missing checkpoint costs a longer scan, not a record. A trim is
/// durable here before a file is removed or recycled. A plain value; any thread.
struct QueueCheckpoint: Equatable, Sendable {
  /// The bytes before the first entry.
  static let headByteCount = 120
  private static let acknowledgementByteCount = 56

  /// What ties the queue's files together.
  var queueIdentifier: QueueIdentifier
  /// Where the log begins.
  var trimmedPosition: UInt64 = 0
  /// The first record that may still be read.
  var trimmedSequence: UInt64 = 0
  /// Files with lower numbers are trimmed.
  var firstSegmentNumber: UInt64 = 0
  /// Every state frame below this is contained here.
  var statePosition: UInt64 = 0
  /// The log was durable below this.
  var durablePosition: UInt64 = 0
  /// The sequence after the last record that was durable.
  var durableSequence: UInt64 = 0
  /// The epoch of the queue when this was written.
  var epoch: UInt64 = 0
  /// Whether the queue has a file of cursor slots: without it, a file that is missing was never there.
  var hasCursorFile = false
  /// What state frames below `statePosition` say.
  var content = QueueContent()

  /// Reads the checkpoint in `directory`; nil when there is none, or one that is damaged or of another queue,
  /// which `isDamaged` tells apart.
  static func load(
    from storage: any Storage,
    directory: String,
    queueIdentifier: QueueIdentifier
  ) throws(SpateError) -> (checkpoint: QueueCheckpoint?, isDamaged: Bool) {
    let path = directory + "/" + Format.checkpointName
    guard try storage.kind(of: path) != nil else { return (nil, false) }
    let file = try storage.open(path, .read)
    defer { storage.close(file) }
    let byteCount = try storage.byteCount(of: file)
    guard byteCount >= UInt64(headByteCount + 4), byteCount <= 1 << 30 else { return (nil, true) }
    let buffer = BlockBuffer(byteCount: Int(byteCount), alignment: Format.minimumBlockByteCount)
    let count = unsafe try storage.read(file, into: buffer.bytes, at: 0)
    guard count == Int(byteCount), let checkpoint = unsafe decode(UnsafeRawBufferPointer(buffer.bytes)),
      checkpoint.queueIdentifier == queueIdentifier
    else { return (nil, true) }
    return (checkpoint, false)
  }

  /// Replaces the checkpoint in `directory`. When it returns it is durable; when it throws, the old one
  /// stands.
  func store(in storage: any Storage, directory: String) throws(SpateError) {
    unsafe try encoded().withUnsafeBytesThrowing { bytes throws(SpateError) in
      unsafe try storage.replaceFile(Format.checkpointName, in: directory, with: bytes)
    }
  }

  /// Reads a whole file's bytes; nil when they are anything else, or of a format this library does not know.
  ///
  /// SAFETY: `bytes` are readable.
  @unsafe
  static func decode(_ bytes: UnsafeRawBufferPointer) -> QueueCheckpoint? {
    func u64(_ offset: Int) -> UInt64 {
      unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    func u32(_ offset: Int) -> UInt32 {
      unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    guard bytes.count >= headByteCount + 4, u64(0) == Format.checkpointMagic,
      u32(8) == Format.version, Int(u32(12)) == bytes.count,
      u64(16) & ~Format.knownRequiredFeatures == 0,
      unsafe spate_crc32c(0, bytes.baseAddress!, bytes.count - 4) == u32(bytes.count - 4)
    else { return nil }
    var checkpoint = QueueCheckpoint(queueIdentifier: QueueIdentifier(high: u64(24), low: u64(32)))
    checkpoint.trimmedPosition = u64(40)
    checkpoint.trimmedSequence = u64(48)
    checkpoint.firstSegmentNumber = u64(56)
    checkpoint.statePosition = u64(64)
    checkpoint.durablePosition = u64(72)
    checkpoint.durableSequence = u64(80)
    checkpoint.content.fencingEpoch = u64(88)
    checkpoint.epoch = u64(96)
    checkpoint.hasCursorFile = u32(108) & 1 != 0
    guard checkpoint.isConsistent else { return nil }
    var offset = headByteCount
    for _ in 0..<u32(104) {
      guard offset + 8 <= bytes.count - 4 else { return nil }
      let nameEnd = offset + 8 + Int(u32(offset) & 0xFFFF)
      let valueEnd = nameEnd + Int(u32(offset + 4))
      guard valueEnd <= bytes.count - 4 else { return nil }
      let name = unsafe String(decoding: bytes[(offset + 8)..<nameEnd], as: UTF8.self)
      checkpoint.content.metadata[name] = unsafe Array(bytes[nameEnd..<valueEnd])
      offset = valueEnd
    }
    for _ in 0..<u32(112) {
      guard offset + acknowledgementByteCount <= bytes.count - 4 else { return nil }
      let cursor = CursorIdentifier(high: u64(offset + 16), low: u64(offset + 24))
      let queue = QueueIdentifier(high: u64(offset), low: u64(offset + 8))
      checkpoint.content.acknowledgements[CursorReference(queue: queue, cursor: cursor)] = Acknowledgement(
        identifier: cursor,
        epoch: u64(offset + 32),
        sequence: u64(offset + 40),
        ordinal: u64(offset + 48)
      )
      offset += acknowledgementByteCount
    }
    return checkpoint
  }

  /// Whether the numbers make sense, so that no arithmetic on them can overflow.
  private var isConsistent: Bool {
    [
      trimmedPosition, trimmedSequence, firstSegmentNumber, statePosition, durablePosition, durableSequence,
      epoch,
    ].allSatisfy { $0 <= Format.maximalNumber }
  }

  /// The whole file's bytes. Entries are sorted, so equal checkpoints have equal bytes.
  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    func append<Word: FixedWidthInteger>(_ word: Word) {
      for index in 0..<(Word.bitWidth / 8) { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * index))) }
    }
    let entries = content.metadata.sorted { $0.key < $1.key }
    let acknowledgements = content.acknowledgements.map { entry in
      [
        entry.key.queue.high, entry.key.queue.low, entry.key.cursor.high, entry.key.cursor.low,
        entry.value.epoch, entry.value.sequence, entry.value.ordinal,
      ]
    }.sorted { $0.lexicographicallyPrecedes($1) }
    let byteCount =
      Self.headByteCount + 4 + entries.reduce(0) { $0 + 8 + $1.key.utf8.count + $1.value.count }
      + acknowledgements.count * Self.acknowledgementByteCount
    append(Format.checkpointMagic)
    append(Format.version)
    append(UInt32(byteCount))
    for word in [
      0, queueIdentifier.high, queueIdentifier.low, trimmedPosition, trimmedSequence, firstSegmentNumber,
      statePosition, durablePosition, durableSequence, content.fencingEpoch, epoch,
    ] { append(word) }
    append(UInt32(entries.count))
    append(UInt32(hasCursorFile ? 1 : 0))
    append(UInt32(acknowledgements.count))
    append(UInt32(0))
    for entry in entries {
      append(UInt16(entry.key.utf8.count))
      append(UInt16(0))
      append(UInt32(entry.value.count))
      bytes.append(contentsOf: entry.key.utf8)
      bytes.append(contentsOf: entry.value)
    }
    for word in acknowledgements.joined() { append(word) }
    unsafe append(bytes.withUnsafeBytes { unsafe spate_crc32c(0, $0.baseAddress!, $0.count) })
    return bytes
  }
}

extension [UInt8] {
  /// `withUnsafeBytes` for a body that throws the library's error.
  fileprivate func withUnsafeBytesThrowing(
    _ body: (UnsafeRawBufferPointer) throws(SpateError) -> Void
  ) throws(SpateError) {
    // SAFETY: the pointer is used inside the closure only.
    let result = unsafe withUnsafeBytes { bytes -> Result<Void, SpateError> in
      do throws(SpateError) {
        unsafe try body(bytes)
        return .success(())
      } catch { return .failure(error) }
    }
    try result.get()
  }
}
