/// What a queue keeps beside its records, as its state frames leave it: metadata, the fencing epoch, and what
/// the transactions in its log acknowledged. A plain value.
struct QueueContent: Equatable, Sendable {
  /// Small values by name.
  var metadata: [String: [UInt8]] = [:]
  /// The highest fencing epoch.
  var fencingEpoch: UInt64 = 0
  /// The newest acknowledgement of each cursor that a transaction moved.
  var acknowledgements: [CursorReference: Acknowledgement] = [:]

  /// What one state frame changes.
  enum Change: Equatable, Sendable {
    /// A new value of the metadata; nil removes it.
    case metadata(name: String, value: [UInt8]?)
    case fence(UInt64)
    case acknowledgement(CursorReference, Acknowledgement)
  }

  /// Applies a change that stands behind all that were applied before.
  mutating func apply(_ change: Change) {
    switch change {
    case .metadata(let name, let value): metadata[name] = value
    case .fence(let epoch): fencingEpoch = max(fencingEpoch, epoch)
    case .acknowledgement(let reference, let acknowledgement):
      if acknowledgement.ordinal >= acknowledgements[reference]?.ordinal ?? 0 {
        acknowledgements[reference] = acknowledgement
      }
    }
  }

  /// The bytes that the metadata takes: names and values.
  var metadataByteCount: Int { metadata.reduce(0) { $0 + $1.key.utf8.count + $1.value.count } }
}

extension QueueContent.Change {
  /// What a frame that was scanned says; nil for an acknowledgement by a queue of its own cursors, and for what
  /// this library does not know.
  init?(_ frame: StateFrame) {
    switch frame.type {
    case .metadata:
      let name = String(decoding: frame.key, as: UTF8.self)
      self = .metadata(name: name, value: frame.payload.isEmpty ? nil : frame.payload)
    case .fence where frame.payload.count >= 8:
      self = .fence(Self.word(frame.payload, 0))
    case .acknowledgement where frame.headers.count == 16:
      guard let acknowledgement = Acknowledgement(decoding: frame.payload) else { return nil }
      let queue = QueueIdentifier(high: Self.word(frame.headers, 0), low: Self.word(frame.headers, 8))
      self = .acknowledgement(
        CursorReference(queue: queue, cursor: acknowledgement.identifier),
        acknowledgement
      )
    default: return nil
    }
  }

  private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * UInt64($1)) }
  }
}
