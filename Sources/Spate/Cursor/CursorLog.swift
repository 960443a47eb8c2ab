/// What cursors need of a queue's log: where its bytes are, how far it is durable, and how to hear of more.
///
/// The queue that this process appends to, with its ring, or one that another process owns, without. Shared
/// by the cursors and batches of the log, which keep it alive; any thread.
class CursorLog: @unchecked Sendable {
  // SAFETY: constants that guard themselves; subclasses say why they are safe.
  /// Where the segment files are.
  let storage: any Storage
  /// What all cursors of the store share.
  let support: CursorSupport
  /// The segments.
  let catalog: SegmentCatalog
  /// How far the log is written and durable.
  let watermarks: Watermarks
  /// The ring, where this process is the one that appends.
  let tail: Ring?
  /// The cursors that are open.
  let cursors = CursorRegistry()
  /// Signalled at a publish while a cursor that follows `published` sleeps.
  let published = EventCount()

  init(
    storage: any Storage,
    support: CursorSupport,
    catalog: SegmentCatalog,
    watermarks: Watermarks,
    tail: Ring?
  ) {
    self.storage = storage
    self.support = support
    self.catalog = catalog
    self.watermarks = watermarks
    self.tail = tail
  }

  /// Behind everything that was claimed so far, as far as this process can know.
  var claimedEnd: LogMark { tail?.claimedEnd ?? watermarks.durable }

  /// Asks producers to signal `published` at their next publish.
  func parkFollower() {}

  /// Opens a segment's file for cursors, to read it in one of the reading modes. Nil when the catalog was changed
  /// instead: the segment was trimmed meanwhile.
  ///
  /// As long as the file is open nobody makes another segment of it. The caller registered its use of the
  /// segment.
  func openFile(of segment: SegmentDescription, _ mode: OpenMode) throws(SpateError) -> StorageFile? {
    do throws(SpateError) { return try storage.open(segment.path, mode) } catch {
      // A registered use keeps a segment's bytes, not its name: whoever trims takes it out of the catalog, then the name away.
      guard error.code == .notFound, !contains(segment) else { throw error }
      return nil
    }
  }

  /// Whether the segment is a part of the log still.
  func contains(_ segment: SegmentDescription) -> Bool {
    catalog.segment(containing: segment.basePosition)?.number == segment.number
  }

  /// Whether a mapping of a segment's file needs the open file as long as it lasts.
  var holdsFiles: Bool { false }
}
