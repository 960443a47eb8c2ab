import Synchronization

/// Ranges of segment files, in the order of the log, that stay as they are until they are released.
///
/// Trimming and retention go on meanwhile, and give a pinned file's disk space back when the last of its pins goes.
/// Safe to share between threads; the last reference that goes releases them.
public final class SegmentRanges: Sendable {
  /// The ranges, oldest first; empty when nothing that was asked for is durable.
  public let ranges: [SegmentRange]
  /// The sequence to go on at: everything before it, from what was asked for on, is in the ranges.
  public let endSequence: UInt64
  private let held: Mutex<(pins: [SegmentPin], copies: [MemoryFile])>

  init(ranges: [SegmentRange], pins: [SegmentPin], copies: [MemoryFile], endSequence: UInt64) {
    self.ranges = ranges
    self.endSequence = endSequence
    held = Mutex((pins, copies))
  }

  /// Closes the files and lets the segments go. Nobody may use the descriptors any more. Releasing twice does
  /// nothing. Any thread.
  public func release() { held.withLock { $0 = ([], []) } }
}

/// A segment's file, open, with its use registered: it may be unlinked, and is not written again.
final class SegmentPin: Sendable {
  let segment: SegmentDescription
  let open: OpenSegment
  private let log: CursorLog

  /// Pins a segment. Nil when it went away meanwhile.
  init?(_ segment: SegmentDescription, of log: CursorLog) throws(SpateError) {
    self.log = log
    log.cursors.beginUse(ofSegment: segment.number)
    var isKept = false
    defer { if !isKept { log.cursors.endUse(ofSegment: segment.number) } }
    // Registered first, then looked up once more: whoever trims does it the other way round.
    guard let current = log.catalog.segment(containing: segment.basePosition),
      current.number == segment.number,
      let file = try log.openFile(of: segment, .read)
    else { return nil }
    isKept = true
    self.segment = current
    open = OpenSegment(number: segment.number, file: file, storage: log.storage)
  }

  deinit { log.cursors.endUse(ofSegment: segment.number) }
}
