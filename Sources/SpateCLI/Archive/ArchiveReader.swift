import Spate

/// Reads an archive and checks every checksum. One thread.
@safe
struct ArchiveReader: ~Copyable {
  /// A record of an archive. Valid until the reader's next move.
  @safe
  struct Entry {
    // SAFETY: the three lie in the reader's buffer, which is not moved before the next record is asked for.
    let payload: UnsafeRawBufferPointer
    let key: UnsafeRawBufferPointer
    let headers: UnsafeRawBufferPointer
    let sequence: UInt64
    let timestamp: UInt64
  }

  private var input: InputBuffer
  private let path: String
  private var checksums = CRC32C()
  private var recordByteCount: UInt64 = 0
  /// The bytes of the record that was lent, to be passed over at the next move.
  private var lentByteCount = 0
  private var nextSequence: UInt64

  /// The name of the queue that was exported.
  let queue: String
  /// Where its records begin.
  let baseSequence: UInt64
  /// How many records were read.
  private(set) var recordCount: UInt64 = 0
  /// The sequence behind the last record, once all were read.
  private(set) var endSequence: UInt64?

  /// How many bytes were read.
  var byteCount: UInt64 { input.takenByteCount }

  /// What the header says.
  private struct Head {
    var queue: String
    var baseSequence: UInt64
    var checksum: UInt32
  }

  /// Reads the header.
  init(descriptor: Int32, path: String) throws {
    var input = InputBuffer(descriptor: descriptor, path: path)
    let head = try Self.readHead(&input, path)
    self.init(input: input, path: path, head: head)
  }

  private init(input: consuming InputBuffer, path: String, head: Head) {
    self.input = input
    self.path = path
    queue = head.queue
    baseSequence = head.baseSequence
    nextSequence = head.baseSequence
    checksums.add(head.checksum)
  }

  private static func readHead(_ input: inout InputBuffer, _ path: String) throws -> Head {
    guard try input.require(ArchiveFormat.headByteCount) else { throw notAnArchive(path) }
    let fixed = unsafe Fields(input.bytes(ArchiveFormat.headByteCount))
    guard fixed.u64(0) == ArchiveFormat.magic else { throw notAnArchive(path) }
    guard fixed.u32(8) == ArchiveFormat.version else {
      throw CommandFailure.failed("the archive has version \(fixed.u32(8)); use a newer spate [\(path)]")
    }
    let byteCount = Int(fixed.u32(12))
    let nameByteCount = Int(fixed.u16(40))
    guard byteCount == ArchiveFormat.headByteCount + nameByteCount + 4, try input.require(byteCount) else {
      throw damaged("its header", path)
    }
    let whole = unsafe Fields(input.bytes(byteCount))
    let head = Head(
      queue: whole.text(ArchiveFormat.headByteCount..<byteCount - 4),
      baseSequence: whole.u64(16),
      checksum: whole.u32(byteCount - 4)
    )
    guard whole.checksum(0..<byteCount - 4) == head.checksum else { throw damaged("its header", path) }
    input.skip(byteCount)
    return head
  }

  /// The next record; nil behind the last one, when the trailer was found and is right, or when the command
  /// should stop.
  mutating func next() throws -> Entry? {
    guard endSequence == nil else { return nil }
    input.skip(lentByteCount)
    lentByteCount = 0
    let headByteCount = ArchiveFormat.recordHeadByteCount
    guard try input.require(headByteCount) else { return try cut() }
    let head = unsafe Fields(input.bytes(headByteCount))
    guard head.u32(4) != ArchiveFormat.trailerMark else { return try checkTrailer() }
    let payloadByteCount = Int(head.u32(4))
    let keyByteCount = Int(head.u16(24))
    let headersByteCount = Int(head.u32(28))
    let sequence = head.u64(8)
    let timestamp = head.u64(16)
    guard max(payloadByteCount, headersByteCount) <= ArchiveFormat.maximalByteCount, sequence >= nextSequence,
      sequence <= ArchiveFormat.maximalSequence
    else { throw damage() }
    let byteCount = headByteCount + payloadByteCount + keyByteCount + headersByteCount
    guard try input.require(byteCount) else { return try cut() }
    let bytes = unsafe input.bytes(byteCount)
    let fields = unsafe Fields(bytes)
    let checksum = fields.u32(0)
    guard fields.checksum(4..<byteCount) == checksum else { throw damage() }
    checksums.add(checksum)
    recordCount += 1
    recordByteCount += UInt64(byteCount)
    nextSequence = sequence + 1
    lentByteCount = byteCount
    let keyOffset = headByteCount + payloadByteCount
    return unsafe Entry(
      payload: UnsafeRawBufferPointer(rebasing: bytes[headByteCount..<keyOffset]),
      key: UnsafeRawBufferPointer(rebasing: bytes[keyOffset..<keyOffset + keyByteCount]),
      headers: UnsafeRawBufferPointer(rebasing: bytes[(keyOffset + keyByteCount)...]),
      sequence: sequence,
      timestamp: timestamp
    )
  }

  // MARK: The end

  private mutating func checkTrailer() throws -> Entry? {
    let byteCount = ArchiveFormat.trailerByteCount
    guard try input.require(byteCount) else { return try cut() }
    let trailer = unsafe Fields(input.bytes(byteCount))
    guard trailer.checksum(4..<byteCount) == trailer.u32(0), trailer.u64(40) == ArchiveFormat.endMagic,
      trailer.u64(8) >= nextSequence, trailer.u64(8) <= ArchiveFormat.maximalSequence + 1,
      trailer.u64(16) == recordCount, trailer.u64(24) == recordByteCount,
      trailer.u32(32) == checksums.value
    else { throw Self.damaged("its trailer", path) }
    endSequence = trailer.u64(8)
    input.skip(byteCount)
    guard try input.isAtEnd() else { throw Self.damaged("something stands behind its end", path) }
    return nil
  }

  /// The file ends too early, unless it is the command that stops.
  private func cut() throws -> Entry? {
    guard !Interruption.isRequested else { return nil }
    throw CommandFailure.damaged(
      "the archive is cut off behind record \(recordCount) of it; get a whole copy [\(path)]"
    )
  }

  private func damage() -> CommandFailure {
    Self.damaged("record \(recordCount + 1) of it, at byte \(input.takenByteCount)", path)
  }

  private static func damaged(_ place: String, _ path: String) -> CommandFailure {
    .damaged("the archive is damaged (\(place)); get another copy [\(path)]")
  }

  private static func notAnArchive(_ path: String) -> CommandFailure {
    .failed("this is no archive that `spate export` made [\(path)]")
  }
}

/// Little-endian fields of bytes that were read.
@safe
private struct Fields {
  // SAFETY: used within one function, while the bytes stay; each access is checked against their count.
  private let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = bytes }

  func u16(_ offset: Int) -> UInt16 {
    unsafe UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  func u32(_ offset: Int) -> UInt32 {
    unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  func u64(_ offset: Int) -> UInt64 {
    unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  func text(_ range: Range<Int>) -> String { unsafe String(decoding: bytes[range], as: UTF8.self) }

  func checksum(_ range: Range<Int>) -> UInt32 {
    var crc = CRC32C()
    unsafe crc.add(UnsafeRawBufferPointer(rebasing: bytes[range]))
    return crc.value
  }
}
