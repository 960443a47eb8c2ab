/// One frame of a segment, as its header says.
public struct FrameInspection: Sendable {
  /// What a frame is. New cases can be added: switch with a default.
  public enum Kind: Sendable, Hashable {
    /// A caller's record.
    case record
    /// The head of a chunk.
    case chunk
    /// A claim that was given up: a sequence without a record.
    case abandoned
    /// A named cursor's acknowledgement.
    case acknowledgement
    /// A value of the queue's metadata.
    case metadata
    /// A new fencing epoch.
    case fence
    /// Bytes that a repair gave up, without a sequence.
    case void
    /// A kind that this library does not know, by its number.
    case unknown(UInt8)
  }

  /// What a chunk's frame says beyond its header.
  public struct Chunk: Sendable {
    /// The log was durable below this position when the chunk was opened.
    public let durablePosition: UInt64
    /// The sequence after the last record that was durable then.
    public let durableSequence: UInt64
    /// The epoch of the queue.
    public let epoch: UInt64
  }

  /// What the frame is.
  public let kind: Kind
  /// Where it begins, in bytes from the start of the log.
  public let position: UInt64
  /// Where it begins in the file.
  public let fileOffset: UInt64
  /// The bytes of the whole frame, header and padding included.
  public let byteCount: Int
  /// The sequence; nil for a frame that takes none.
  public let sequence: UInt64?
  /// When it was appended, or what the producer gave instead, ns since 1970.
  public let timestamp: UInt64
  /// The CRC-32C of header and body, which was found right.
  public let checksum: UInt32
  /// Whether the next frame is of the same atomic batch.
  public let continues: Bool
  /// Whether the frame is not the first one of its batch.
  public let continued: Bool
  /// How many bytes payload, key and headers have.
  public let payloadByteCount: Int
  public let keyByteCount: Int
  public let headersByteCount: Int
  /// The beginning of the payload, as much as was asked for; empty in a frame larger than 1 MiB.
  public let payloadPrefix: [UInt8]
  /// The beginning of the key, as much as was asked for.
  public let keyPrefix: [UInt8]
  /// For a chunk frame, what it says.
  public let chunk: Chunk?

  init(
    _ frame: FrameScanner.Frame,
    in walk: SegmentWalk,
    segment: SegmentDescription,
    isInMemory: Bool,
    prefixByteCount: Int
  ) {
    let header = frame.header
    kind = Kind(header.type)
    position = frame.position
    fileOffset = segment.fileOffset(of: frame.position)
    byteCount = header.frameByteCount
    sequence = header.type.takesSequence ? frame.sequence : nil
    timestamp = header.timestamp
    checksum = header.checksum
    continues = header.flags.contains(.continues)
    continued = header.flags.contains(.continued)
    payloadByteCount = header.payloadByteCount
    keyByteCount = header.keyByteCount
    headersByteCount = header.headersByteCount
    func prefix(at offset: Int, of count: Int) -> [UInt8] {
      isInMemory ? walk.bytes(at: frame.bodyOffset + offset, count: max(0, min(count, prefixByteCount))) : []
    }
    payloadPrefix = prefix(at: 0, of: header.payloadByteCount)
    keyPrefix = prefix(at: header.payloadByteCount, of: header.keyByteCount)
    guard header.type == .chunk, isInMemory else {
      chunk = nil
      return
    }
    let body = walk.bytes(at: frame.bodyOffset, count: ChunkFrame.bodyByteCount)
    // SAFETY: the array has the 48 bytes of a chunk's body.
    let decoded = unsafe body.withUnsafeBytes { unsafe ChunkFrame(decodingBody: $0.baseAddress!) }
    chunk = Chunk(
      durablePosition: decoded.durablePosition,
      durableSequence: decoded.durableSequence,
      epoch: decoded.epoch
    )
  }
}

extension FrameInspection.Kind {
  init(_ type: FrameType) {
    self =
      switch type {
      case .record: .record
      case .chunk: .chunk
      case .abandoned: .abandoned
      case .acknowledgement: .acknowledgement
      case .metadata: .metadata
      case .fence: .fence
      case .void: .void
      default: .unknown(type.rawValue)
      }
  }
}

extension FrameInspection.Kind: CustomStringConvertible {
  /// The kind's name in prose.
  public var description: String {
    switch self {
    case .record: "record"
    case .chunk: "chunk"
    case .abandoned: "abandoned"
    case .acknowledgement: "acknowledgement"
    case .metadata: "metadata"
    case .fence: "fence"
    case .void: "void"
    case .unknown(let number): "type \(number)"
    }
  }
}
