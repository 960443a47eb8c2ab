/// What opening a queue found and did: one value for each thing that is not as a clean end leaves it.
///
/// A plain value, safe to send anywhere. An empty list of findings means that the log was whole.
public struct RecoveryReport: Hashable, Sendable {
  /// One thing that recovery found. New cases can be added: switch with a default.
  public enum Finding: Hashable, Sendable {
    /// The log ends at `position`, before frames that were never proven durable: at most `byteCount` bytes of
    /// them can still be told apart behind it. No durable record is lost.
    case tornTail(position: UInt64, byteCount: UInt64, segmentNumber: UInt64)
    /// Bytes that were durable cannot be read. Their range is lost; records behind it are there.
    case damage(DamagedRange)
    /// A segment's header does not match its checksum; what it said was found from the segment's first chunk.
    case repairedHeader(segmentNumber: UInt64)
    /// A segment's header cannot be read, and its content not placed: the file was set aside.
    case unreadableHeader(segmentNumber: UInt64)
    /// A file whose preparation had not finished was removed; it held nothing.
    case halfMadeSegment(name: String)
    /// A sealed segment has no footer. Nothing is lost: the footer only speeds up searches.
    case missingFooter(segmentNumber: UInt64)
    /// A removal of trimmed or cut-off segments was interrupted, and is finished now.
    case finishedRemoval(segmentNumber: UInt64)
    /// The checkpoint does not match its checksum and was set aside; the log was read further back instead.
    case unreadableCheckpoint
    /// Places of named cursors are missing: `count` of them cannot be read, or with 0, their file is gone. Cursors
    /// of names that the queue does not know any more begin at the earliest record.
    case lostCursorPlaces(count: Int)
    /// So many queues cannot be opened to which transactions of this one's named cursors may have gone: records
    /// that such a transaction acknowledged may be delivered again.
    case unreadableDestinations(count: Int)
    /// A file was moved, not deleted, because it is not part of the log any more: its new path.
    case setAside(path: String)
  }

  /// What was found, in the order of finding.
  public var findings: [Finding] = []
  /// Where the log ends, in bytes from its start.
  public var endPosition: UInt64 = 0
  /// The sequence that the next record gets.
  public var endSequence: UInt64 = 0
  /// How many bytes were read to find that out.
  public var scannedByteCount: UInt64 = 0

  /// Makes an empty report.
  public init() {}

  /// Whether the log was whole.
  public var isClean: Bool { findings.isEmpty }

  /// Adds what an earlier pass of the same recovery did and found; what this pass found again is said once.
  mutating func add(passBefore earlier: RecoveryReport) {
    let tears = findings.compactMap(\.tornPosition)
    let kept = earlier.findings.filter { finding in
      if case .damage = finding { return false }
      if let position = finding.tornPosition, tears.contains(position) { return false }
      return !findings.contains(finding)
    }
    findings = kept + findings
    scannedByteCount += earlier.scannedByteCount
  }

  /// What was durable and is lost.
  public var damages: [DamagedRange] {
    findings.compactMap { finding in
      if case .damage(let range) = finding { return range }
      return nil
    }
  }
}

extension RecoveryReport.Finding {
  /// Where the log is torn off, if that is what was found.
  fileprivate var tornPosition: UInt64? {
    if case .tornTail(let position, _, _) = self { return position }
    return nil
  }
}
