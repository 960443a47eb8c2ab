/// What the files of a queue say: a picture of one moment.
public struct QueueInspection: Sendable {
  /// The place of a named cursor.
  public struct Cursor: Sendable, Equatable {
    /// The cursor's name.
    public let name: String
    /// Everything below this is acknowledged.
    public let acknowledgedSequence: UInt64
  }

  /// The queue's name.
  public let name: String
  /// The sixteen bytes that tie the queue's files together, in hexadecimal digits.
  public let identifier: String
  /// When the queue was made, ns since 1970.
  public let createdTimestamp: UInt64
  /// The sequence of the first record ever.
  public let baseSequence: UInt64
  /// The sequence of the oldest record that is kept.
  public let firstSequence: UInt64
  /// The sequence after the last record.
  public let endSequence: UInt64
  /// Where the oldest segment that is kept begins, in bytes from the start of the log.
  public let beginPosition: UInt64
  /// Where the log ends, in bytes from its start.
  public let endPosition: UInt64
  /// The highest epoch found.
  public let epoch: UInt64
  /// The highest fencing epoch found.
  public let fencingEpoch: UInt64
  /// The queue's metadata by name.
  public let metadata: [String: [UInt8]]
  /// The named cursors, by name.
  public let cursors: [Cursor]
  /// The segments of the log, oldest first, then those that are prepared and not used yet.
  public internal(set) var segments: [SegmentInspection] = []
  /// The times of the oldest and of the newest record, ns since 1970; nil when there is none.
  public internal(set) var firstTimestamp: UInt64?
  public internal(set) var lastTimestamp: UInt64?
  /// Files that recovery or a repair set aside.
  public internal(set) var asideNames: [String] = []
  /// What an open would find and do.
  public let report: RecoveryReport

  init(name: String, directory: String, recovered: RecoveredQueue) {
    self.name = name
    identifier = recovered.manifest.queueIdentifier.hexadecimal
    createdTimestamp = recovered.manifest.createdTimestamp
    baseSequence = recovered.manifest.baseSequence
    firstSequence = recovered.beginSequence
    endSequence = recovered.endSequence
    beginPosition = recovered.beginPosition
    endPosition = recovered.endPosition
    epoch = recovered.epoch
    fencingEpoch = recovered.content.fencingEpoch
    metadata = recovered.content.metadata
    cursors = recovered.cursors.filter { !$0.isRemoved }
      .map { Cursor(name: String(decoding: $0.name, as: UTF8.self), acknowledgedSequence: $0.sequence) }
      .sorted { $0.name < $1.name }
    report = recovered.report
  }

  /// How many sequences are kept; abandoned ones and lost ones are counted too.
  public var recordCount: UInt64 { endSequence - min(endSequence, firstSequence) }
  /// How many records that are kept a cursor has not acknowledged; abandoned and lost ones count.
  public func lag(of cursor: Cursor) -> UInt64 {
    endSequence - min(endSequence, max(cursor.acknowledgedSequence, firstSequence))
  }

  /// The bytes of all segment files, prepared ones included.
  public var byteCount: UInt64 { segments.reduce(0) { $0 + $1.byteCount } }
}

extension QueueIdentifier {
  /// The bytes in the order of the file, two digits each.
  var hexadecimal: String {
    [high, low].map { word in
      (0..<8).map { index in
        let byte = UInt8(truncatingIfNeeded: word >> (8 * UInt64(index)))
        return (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }.joined()
    }.joined()
  }
}
