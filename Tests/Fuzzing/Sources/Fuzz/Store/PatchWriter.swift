@testable import Spate

/// Writes the patches that ``StoreImage`` reads.
struct PatchWriter {
  private(set) var bytes: [UInt8]

  /// Begins an input whose first byte is `control`.
  init(control: UInt8) { bytes = [control] }

  /// Adds a patch at an offset, a multiple of 8; checksums that are mended, and zeros at the end, are left out.
  mutating func add(_ kind: StoreImage.Kind, at offset: Int = 0, _ content: some Collection<UInt8> = []) {
    add(kind, word: offset / 8, content)
  }

  /// Adds a patch with a word in the place of the offset.
  mutating func add(_ kind: StoreImage.Kind, word: Int, _ content: some Collection<UInt8> = []) {
    var content = Array(content)
    if kind == .sector || kind == .manifest { content = Array(content.prefix(Format.sectorChecksumOffset)) }
    if kind != .checkpoint, kind != .padding { while content.last == 0 { content.removeLast() } }
    bytes += [kind.rawValue, 0]
    for number in [word, content.count] {
      bytes += [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)]
    }
    bytes += content
  }

  /// Adds a file of a real queue.
  mutating func add(file name: String, _ content: [UInt8]) {
    switch name {
    case Format.manifestName: add(.manifest, Self.renamed(content, identifierAt: 64))
    case Format.checkpointName: add(.checkpoint, Self.renamed(content, identifierAt: 24))
    case Format.cursorsName:
      for slot in 0..<(content.count / CursorSlot.byteCount) {
        let bytes = Array(content[(slot * CursorSlot.byteCount)...].prefix(CursorSlot.byteCount))
        guard bytes.contains(where: { $0 != 0 }) else { continue }
        add(.slot, word: slot, Self.renamed(bytes, identifierAt: 16))
      }
    default: addSegment(content)
    }
  }

  private mutating func addSegment(_ content: [UInt8]) {
    let decoded = unsafe content.withUnsafeBytes { bytes in
      unsafe (
        SegmentIdentity.decode(bytes.baseAddress!).value,
        SegmentUse.decode(bytes.baseAddress! + Format.useSectorOffset).value
      )
    }
    guard let identity = decoded.0, let use = decoded.1 else { return }
    add(.segment, word: content.count / 4096)
    add(.sector, at: 0, Self.renamed(Array(content[..<512]), identifierAt: 64))
    add(.sector, at: Format.useSectorOffset, content[512..<1024])
    let start = Int(identity.dataOffset)
    let data = Array(content[start..<Int(identity.footerOffset)])
    unsafe data.withUnsafeBytes { data in
      var scanner = unsafe FrameScanner(
        bytes: data,
        basePosition: use.basePosition,
        start: use.basePosition,
        sequence: use.baseSequence,
        salt: use.salt,
        blockByteCount: identity.blockByteCount
      )
      var end = use.basePosition
      while case .frame(let frame) = scanner.next() {
        if frame.position != end { add(.padding, at: start + Int(end - use.basePosition)) }
        end = frame.endPosition
        let offset = frame.bodyOffset - FrameHeader.byteCount
        let range = offset..<(offset + frame.header.frameByteCount)
        add(.frame, at: start + offset, unsafe Array(data[range]))
      }
    }
    let footer = Array(content[Int(identity.footerOffset)...])
    if footer.contains(where: { $0 != 0 }) { add(.footer, at: Int(identity.footerOffset), footer) }
  }

  private static func renamed(_ bytes: [UInt8], identifierAt offset: Int) -> [UInt8] {
    var bytes = bytes
    for (index, word) in [StoreImage.identifier.high, StoreImage.identifier.low].enumerated() {
      for byte in 0..<8 {
        bytes[offset + index * 8 + byte] = UInt8(truncatingIfNeeded: word >> (8 * UInt64(byte)))
      }
    }
    return bytes
  }
}
