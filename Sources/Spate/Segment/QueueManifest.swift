/// The file `queue.manifest`: what a queue is, written once at its creation.
///
///     offset  size  field
///          0     8  magic "SPATEQUE"
///          8     4  formatVersion
///         12     4  zero
///         16     8  requiredFeatures
///         24     8  optionalFeatures
///         32     8  baseSequence       sequence of the first record ever
///         40     8  createdTimestamp   ns since 1970
///         48    16  zero
///         64    16  queueIdentifier
///         80        zero
///        508     4  checksum           CRC-32C of bytes 0..<508
///
/// A plain value; any thread. Loading and creating block.
struct QueueManifest: Equatable, Sendable {
  /// The sequence of the queue's first record: 0, or the place of a snapshot.
  var baseSequence: UInt64
  /// When the queue was created.
  var createdTimestamp: UInt64
  /// What ties the queue's files together.
  var queueIdentifier: QueueIdentifier

  /// Reads the manifest of the queue in `directory`.
  ///
  /// Fails with `.notFound` when there is none, `.corrupt` when it does not match its checksum, and
  /// `.unsupportedFormat` when a newer library wrote it.
  static func load(from storage: any Storage, directory: String) throws(SpateError) -> QueueManifest {
    let path = directory + "/" + Format.manifestName
    guard try storage.kind(of: path) != nil else {
      throw SpateError(.notFound, "There is no queue here: its manifest is missing.", path: path)
    }
    let buffer = BlockBuffer(byteCount: Format.sectorByteCount, alignment: Format.minimumBlockByteCount)
    let file = try storage.open(path, .read)
    defer { storage.close(file) }
    _ = unsafe try storage.read(file, into: buffer.bytes, at: 0)
    switch unsafe decode(UnsafeRawPointer(buffer.bytes.baseAddress!)) {
    case .valid(let manifest): return manifest
    case .unsupported(let version, _):
      throw SpateError(
        .unsupportedFormat,
        "The queue has format version \(version); open it with a newer Spate.",
        path: path
      )
    case .blank, .damaged:
      throw SpateError(
        .corrupt,
        "The queue's manifest does not match its checksum; restore the file.",
        path: path
      )
    }
  }

  /// Writes the manifest of a new queue into its directory, which exists. When it returns the queue exists
  /// durably; when it throws, a later call may try again.
  func create(in storage: any Storage, directory: String) throws(SpateError) {
    let buffer = BlockBuffer(byteCount: Format.sectorByteCount, alignment: Format.minimumBlockByteCount)
    unsafe encode(into: buffer.bytes.baseAddress!)
    unsafe try storage.replaceFile(
      Format.manifestName,
      in: directory,
      with: UnsafeRawBufferPointer(buffer.bytes)
    )
  }

  /// Reads the manifest's 512 bytes.
  ///
  /// SAFETY: 512 bytes are readable at `sector`.
  @unsafe
  static func decode(_ sector: UnsafeRawPointer) -> HeaderDecoding<QueueManifest> {
    let reader = unsafe SectorReader(sector)
    guard !reader.isBlank else { return .blank }
    guard reader.u64(0) == Format.manifestMagic, reader.hasValidChecksum else { return .damaged }
    guard reader.u32(8) == Format.version, reader.u64(16) & ~Format.knownRequiredFeatures == 0 else {
      return .unsupported(version: reader.u32(8), requiredFeatures: reader.u64(16))
    }
    guard reader.u64(32) <= Format.maximalNumber else { return .damaged }
    return .valid(
      QueueManifest(
        baseSequence: reader.u64(32),
        createdTimestamp: reader.u64(40),
        queueIdentifier: QueueIdentifier(high: reader.u64(64), low: reader.u64(72))
      )
    )
  }

  /// Writes the manifest's 512 bytes.
  ///
  /// SAFETY: the caller owns 512 writable bytes at `sector`.
  @unsafe
  func encode(into sector: UnsafeMutableRawPointer) {
    let writer = unsafe SectorWriter(sector)
    writer.u64(0, Format.manifestMagic)
    writer.u32(8, Format.version)
    writer.u64(32, baseSequence)
    writer.u64(40, createdTimestamp)
    writer.u64(64, queueIdentifier.high)
    writer.u64(72, queueIdentifier.low)
    writer.finish()
  }
}

extension Storage {
  /// Replaces a small file as a whole: after a crash it is the old one or the new one.
  ///
  /// Writes `name.new`, syncs it, renames it over `name`, syncs the directory. One thread at a time for each
  /// name.
  func replaceFile(_ name: String, in directory: String, with bytes: UnsafeRawBufferPointer)
    throws(SpateError)
  {
    let temporary = directory + "/" + name + ".new"
    if try kind(of: temporary) != nil { try remove(temporary) }
    let file = try open(temporary, .createNewBuffered)
    do throws(SpateError) {
      unsafe try write(file, bytes, at: 0)
      try sync(file)
    } catch {
      close(file)
      try? remove(temporary)
      throw error
    }
    close(file)
    try rename(temporary, to: directory + "/" + name)
    try syncDirectory(directory)
  }
}
