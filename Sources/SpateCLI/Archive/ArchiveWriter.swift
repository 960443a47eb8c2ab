import Spate

/// Writes an archive: a header, records, a trailer. One thread.
struct ArchiveWriter: ~Copyable {
  private var output: OutputBuffer
  private var checksums = CRC32C()
  private var endSequence: UInt64
  /// How many records were written.
  private(set) var recordCount: UInt64 = 0
  /// How many bytes they took.
  private(set) var byteCount: UInt64 = 0

  /// Writes the header.
  init(output: consuming OutputBuffer, queue: String, baseSequence: UInt64) throws(CommandFailure) {
    self.output = output
    endSequence = baseSequence
    let name = Array(queue.utf8)
    let byteCount = ArchiveFormat.headByteCount + name.count + 4
    var head = FieldBytes(byteCount: byteCount)
    head.put(ArchiveFormat.magic, at: 0)
    head.put(ArchiveFormat.version, at: 8)
    head.put(UInt32(byteCount), at: 12)
    head.put(baseSequence, at: 16)
    head.put(Timestamp.now, at: 24)
    head.put(UInt16(name.count), at: 40)
    for (index, byte) in name.enumerated() { head.put(byte, at: ArchiveFormat.headByteCount + index) }
    let checksum = head.checksum(0..<byteCount - 4)
    head.put(checksum, at: byteCount - 4)
    checksums.add(checksum)
    try unsafe self.output.append(head.bytes.span.bytes)
  }

  /// Writes a record; its sequence is not below those before it.
  mutating func append(_ record: borrowing Record) throws(CommandFailure) {
    let payload = record.payload
    let key = record.key
    let headers = record.headers
    var head = FieldBytes(byteCount: ArchiveFormat.recordHeadByteCount)
    head.put(UInt32(payload.byteCount), at: 4)
    head.put(record.sequence, at: 8)
    head.put(record.timestamp, at: 16)
    head.put(UInt16(key.byteCount), at: 24)
    head.put(UInt32(headers.byteCount), at: 28)
    var crc = CRC32C()
    unsafe head.bytes[4...].withUnsafeBytes { unsafe crc.add($0) }
    crc.add(payload)
    crc.add(key)
    crc.add(headers)
    head.put(crc.value, at: 0)
    checksums.add(crc.value)
    try unsafe output.append(head.bytes.span.bytes)
    try output.append(payload)
    try output.append(key)
    try output.append(headers)
    recordCount += 1
    byteCount += UInt64(head.bytes.count + payload.byteCount + key.byteCount + headers.byteCount)
    endSequence = record.sequence + 1
  }

  /// Writes the trailer and hands everything to the kernel. `endSequence` is where an import goes on.
  mutating func finish(endSequence end: UInt64) throws(CommandFailure) {
    var trailer = FieldBytes(byteCount: ArchiveFormat.trailerByteCount)
    trailer.put(ArchiveFormat.trailerMark, at: 4)
    trailer.put(max(endSequence, end), at: 8)
    trailer.put(recordCount, at: 16)
    trailer.put(byteCount, at: 24)
    trailer.put(checksums.value, at: 32)
    trailer.put(ArchiveFormat.endMagic, at: 40)
    trailer.put(trailer.checksum(4..<ArchiveFormat.trailerByteCount), at: 0)
    try unsafe output.append(trailer.bytes.span.bytes)
    try output.flush()
  }
}
