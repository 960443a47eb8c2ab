/// The state frames of a transaction, which stand before its records: acknowledgements, then changes.
///
/// SAFETY: all spans are of arrays that outlive the calls they are passed to.
struct TransactionHead: ~Copyable {
  private(set) var frames = RecordBatch()
  private var acknowledgementOffsets: [Int] = []

  /// Builds the frames; what acknowledgements say is not known yet.
  init(_ transaction: borrowing Transaction) throws(SpateError) {
    let blank = [UInt8](repeating: 0, count: Acknowledgement.headByteCount)
    for acknowledged in transaction.acknowledged {
      acknowledgementOffsets.append(frames.byteCount)
      let identifier = acknowledged.hold.core.identifier
      let source = Self.bytes(of: [identifier.high, identifier.low])
      let name = acknowledged.hold.place.name
      try unsafe frames.appendFrame(
        of: .acknowledgement,
        blank.span.bytes,
        key: name.span.bytes,
        headers: source.span.bytes
      )
    }
    for change in transaction.changes {
      switch change {
      case .metadata(let name, let value):
        let key = Array(name.utf8)
        let value = value ?? []
        try unsafe frames.appendFrame(
          of: .metadata,
          value.span.bytes,
          key: key.span.bytes,
          headers: RawSpan()
        )
      case .fence(let epoch):
        let word = Self.bytes(of: [epoch])
        try unsafe frames.appendFrame(
          of: .fence,
          word.span.bytes,
          key: RawSpan(),
          headers: RawSpan()
        )
      case .acknowledgement: break
      }
    }
  }

  /// Fills in what an acknowledgement says.
  mutating func set(_ acknowledgement: Acknowledgement, at index: Int) {
    var payload = [UInt8](repeating: 0, count: Acknowledgement.headByteCount)
    // SAFETY: the array has the bytes of the payload, and arrays are aligned to 16 bytes.
    unsafe payload.withUnsafeMutableBytes {
      unsafe acknowledgement.encode(into: $0.baseAddress.unsafelyUnwrapped)
    }
    unsafe frames.overwrite(payloadOfFrameAt: acknowledgementOffsets[index], with: payload.span.bytes)
  }

  private static func bytes(of words: [UInt64]) -> [UInt8] {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
  }
}
