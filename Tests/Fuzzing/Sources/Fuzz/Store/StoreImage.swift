@testable import Spate

/// A queue's directory, made from a fuzzer's bytes.
///
/// The input is a list of patches, so that a mutation changes one thing and what is mostly zeros costs nothing:
///
///     kind (1) │ flags (1) │ offset ÷ 8 (2) │ byteCount (2) │ bytes
///
/// Checksums and stamps are mended behind the patch unless bit 7 of the flags forbids it: otherwise hardly any
/// mutation would get past CRC-32C.
struct StoreImage {
  /// What a patch's bytes are.
  enum Kind: UInt8, CaseIterable {
    /// Bytes at an offset of the current file.
    case raw
    /// A sector of a segment's header, or a manifest.
    case sector
    /// A frame; its stamp follows from the segment's use, and a chunk frame's position with it.
    case frame
    /// A word that says: nothing more in this block.
    case padding
    /// A footer.
    case footer
    /// No bytes: goes on in a new segment file of `offset` blocks, whose number skips as many as the low flags say.
    case segment
    /// A slot of a named cursor, in `queue.cursors`.
    case slot
    /// All of `queue.checkpoint`.
    case checkpoint
    /// A manifest, in `queue.manifest`.
    case manifest
  }

  static let directory = "queues/q"
  static let identifier = QueueIdentifier(high: 0x0102_0304_0506_0708, low: 0x1112_1314_1516_1718)
  /// The bytes before a patch's own.
  static let headByteCount = 6
  private static let maximalFileByteCount = 1 << 19

  private(set) var files: [String: [UInt8]] = [:]
  private var current = ""
  private var nextNumber: UInt64 = 0

  /// A queue that has a manifest and nothing else.
  init() {
    var sector = [UInt8](repeating: 0, count: Format.sectorByteCount)
    let manifest = QueueManifest(baseSequence: 0, createdTimestamp: 7, queueIdentifier: Self.identifier)
    // SAFETY: the array has a sector's bytes.
    unsafe sector.withUnsafeMutableBytes { unsafe manifest.encode(into: $0.baseAddress!) }
    files[Self.path(Format.manifestName)] = sector
  }

  /// A storage with these files.
  var storage: MemoryStorage {
    let storage = MemoryStorage()
    storage.state.withLock { state in
      state.files = files
      state.maximalFileByteCount = 1 << 24
      state.directories = ["", StoreLayout.queuesName, Self.directory]
    }
    return storage
  }

  static func path(_ name: String) -> String { directory + "/" + name }

  /// Applies the patches in `input`, as far as they go; those of kinds that are not `allowed` are passed over.
  mutating func apply(_ input: ArraySlice<UInt8>, allowed: Set<Kind>) {
    var rest = input
    while rest.count >= Self.headByteCount {
      let head = Array(rest.prefix(Self.headByteCount))
      rest = rest.dropFirst(Self.headByteCount)
      let count = min(Int(head[4]) | Int(head[5]) << 8, rest.count)
      let bytes = Array(rest.prefix(count))
      rest = rest.dropFirst(count)
      let kind = Kind(rawValue: head[0] % UInt8(Kind.allCases.count))!
      guard allowed.contains(kind) else { continue }
      apply(kind, flags: head[1], word: Int(head[2]) | Int(head[3]) << 8, bytes)
    }
  }

  private mutating func apply(_ kind: Kind, flags: UInt8, word: Int, _ bytes: [UInt8]) {
    let mends = flags & 0x80 == 0
    var offset = word * 8
    switch kind {
    case .segment:
      nextNumber += UInt64(flags & 3)
      current = Self.path(Format.segmentName(nextNumber))
      nextNumber += 1
      files[current] = [UInt8](repeating: 0, count: min(word * 4096, Self.maximalFileByteCount))
      return
    case .slot:
      current = Self.path(Format.cursorsName)
      offset = word % 32 * CursorSlot.byteCount
      grow(to: offset + CursorSlot.byteCount)
    case .checkpoint:
      current = Self.path(Format.checkpointName)
      offset = 0
      files[current] = []
      grow(to: bytes.count)
    case .manifest:
      current = Self.path(Format.manifestName)
      offset = 0
    case .raw, .sector, .frame, .padding, .footer: break
    }
    guard var file = files.removeValue(forKey: current) else { return }
    defer { files[current] = file }
    guard offset < file.count else { return }
    let end = min(file.count, offset + bytes.count)
    file.replaceSubrange(offset..<end, with: bytes[..<(end - offset)])
    guard mends else { return }
    var mender = ChecksumMender(file: file)
    switch kind {
    case .sector: mender.mendSector(at: offset / 512 * 512)
    case .frame: mender.mendFrame(at: offset, placesChunk: flags & 1 == 0)
    case .padding: mender.mendPadding(at: offset)
    case .footer: mender.mendFooter(at: offset)
    case .slot: mender.mendSlot(at: offset)
    case .checkpoint: mender.mendCheckpoint()
    case .manifest: mender.mendSector(at: 0)
    case .raw, .segment: break
    }
    file = mender.file
  }

  private mutating func grow(to count: Int) {
    let missing = min(count, Self.maximalFileByteCount) - files[current, default: []].count
    if missing > 0 { files[current, default: []].append(contentsOf: repeatElement(0, count: missing)) }
  }
}
