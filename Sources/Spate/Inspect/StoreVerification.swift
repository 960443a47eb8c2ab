/// What a check of every checksum of a store found.
///
/// Made by ``Store/verify(at:queue:progress:)``. A plain value.
public struct StoreVerification: Sendable {
  /// One thing that is not as a clean end leaves it.
  public struct Finding: Sendable, Hashable {
    /// What it is. New cases can be added: switch with a default.
    public enum Kind: String, Sendable, Hashable {
      /// The store's manifest cannot be read: the store cannot be opened.
      case storeManifest
      /// A queue's manifest cannot be read: the queue cannot be opened.
      case queueManifest
      /// A queue's checkpoint cannot be read. The log is read further back instead.
      case checkpoint
      /// Places of named cursors cannot be read: what they had acknowledged may be delivered again.
      case cursorPlaces
      /// A part of a segment's header does not match its checksum; what it said follows from the records.
      case header
      /// A segment's header cannot be read, and its records cannot be placed.
      case segment
      /// Bytes of the log that are no frames.
      case records
      /// A part of the log for which there is no file.
      case missing
      /// A segment's footer does not match its checksum; searches are slower without it.
      case footer
      /// Something else kept the queue from being read.
      case unreadable
      /// The log ends before frames that were never durable. No durable record is lost.
      case tornTail
      /// A sealed segment has no footer: its owner ended before it was written.
      case missingFooter
      /// A file that an owner had not finished, or not removed yet.
      case leftover

      /// Whether something that was stored is damaged; what is not is as a kill or a power cut may leave it.
      public var isDamage: Bool {
        switch self {
        case .tornTail, .missingFooter, .leftover: false
        default: true
        }
      }
    }

    /// What it is.
    public var kind: Kind
    /// The queue; nil for the store itself.
    public var queue: String?
    /// The file, relative to the store's directory.
    public var path: String
    /// The bytes of the file that are meant, where that can be said.
    public var fileOffsets: Range<UInt64>?
    /// Where they are in the log, in bytes from its start.
    public var positions: Range<UInt64>?
    /// The records that are lost for good.
    public var sequences: Range<UInt64>?
    /// The records that readers pass over as long as nothing is repaired: those that are lost, and those from
    /// there to the next chunk.
    public var unreadableSequences: Range<UInt64>?
    /// What is wrong, in a sentence.
    public var message: String
  }

  /// What was found, queue by queue, in the order of the log.
  public internal(set) var findings: [Finding] = []
  /// How many queues were checked.
  public internal(set) var queueCount = 0
  /// How many segments of logs were checked.
  public internal(set) var segmentCount = 0
  /// How many bytes of logs were checked.
  public internal(set) var byteCount: UInt64 = 0
  /// How many records are there and whole, as far as readers get to them.
  public internal(set) var recordCount: UInt64 = 0

  /// Whether nothing that was stored is damaged.
  public var isSound: Bool { !findings.contains { $0.kind.isDamage } }

  mutating func add(_ other: StoreVerification) {
    findings += other.findings
    queueCount += other.queueCount
    segmentCount += other.segmentCount
    byteCount += other.byteCount
    recordCount += other.recordCount
  }
}

extension Store {
  /// Checks every checksum of a store: manifests, checkpoints, headers, frames, footers. Changes nothing, takes
  /// no lock, and may run beside an owner; blocks for as long as reading everything takes.
  ///
  /// - Parameters:
  ///   - path: the store.
  ///   - queue: the only queue to check; nil checks all.
  ///   - progress: called from time to time with the bytes of logs that were checked.
  /// - Throws: `notFound`, `wrongKind`, `permissionDenied`, `unsupportedFormat`, `invalidArgument` for a bad
  ///   name. Damage is not thrown: it is what the result says.
  /// - Complexity: O(bytes).
  public static func verify(
    at path: String,
    queue: String? = nil,
    progress: (UInt64) -> Void = { _ in }
  ) throws(SpateError) -> StoreVerification {
    if let queue { try StoreLayout.validate(queueName: queue) }
    var verification = StoreVerification()
    if let damage = try StoreLayout.damage(of: path) {
      verification.findings.append(
        .init(kind: .storeManifest, path: StoreLayout.manifestName, message: damage.message)
      )
    }
    let inspector = StoreInspector(path: path, storage: try SystemStorage(root: path, readOnly: true))
    let names = if let queue { [queue] } else { try inspector.queueNames }
    for name in names {
      verification.add(try inspector.verify(queue: name, done: verification.byteCount, progress: progress))
    }
    return verification
  }
}
