/// The segment files of a queue that are not being written: the spare ones, the checkpoint, the numbers.
///
/// Guarded by its owner's lock, which is held while the disk works.
struct QueueFiles {
  /// The number of the next segment file to make.
  private(set) var nextSegmentNumber: UInt64
  /// Unused files, to be made the next segment.
  private var spares: [SegmentDescription]
  private(set) var checkpoint: QueueCheckpoint
  /// How many bytes of segments to keep at most.
  let retainedByteCount: UInt64?

  /// How many spare files a queue keeps; more are removed.
  static let spareLimit = 1

  init(recovered: RecoveredQueue, retainedByteCount: UInt64?) {
    nextSegmentNumber = recovered.nextSegmentNumber
    spares = recovered.spares.map {
      SegmentDescription(
        number: $0.number,
        path: $0.path,
        byteCount: $0.byteCount,
        footerOffset: $0.footerOffset,
        blockByteCount: $0.blockByteCount,
        use: .unused
      )
    }
    checkpoint = recovered.checkpoint
    self.retainedByteCount = retainedByteCount
  }

  /// A segment file of at least `byteCount` bytes: a spare one with a new number, or a new one.
  mutating func next(
    byteCount: UInt64,
    preparer: SegmentPreparer,
    pause: (UInt64) -> Bool
  ) throws(SpateError) -> PreparedSegment {
    // Numbers ascend along the log, so a spare file always gets a new one.
    let number = nextSegmentNumber
    nextSegmentNumber += 1
    while let index = spares.firstIndex(where: { $0.byteCount >= byteCount }) {
      let spare = spares.remove(at: index)
      if let recycled = try preparer.recycle(spare, as: number) { return recycled }
      try preparer.remove(spare)
    }
    return try preparer.prepare(number: number, byteCount: byteCount, pause: pause)
  }

  /// Removes the spare files, for a close: their numbers are behind the log's, and the next open would take
  /// them for trimmed ones.
  mutating func removeSpares(preparer: SegmentPreparer) {
    for spare in spares { try? preparer.remove(spare) }
    spares.removeAll()
  }

  /// Keeps an unused file for the next segment, or removes it when there are enough. A removal that fails is
  /// recovery's to finish.
  mutating func keep(_ segment: SegmentDescription, preparer: SegmentPreparer) {
    spares.append(segment)
    spares.sort { $0.byteCount > $1.byteCount }
    while spares.count > Self.spareLimit, let smallest = spares.popLast() { try? preparer.remove(smallest) }
  }

  /// Makes the checkpoint say that there is a file of cursor slots; writes it the first time only.
  mutating func noteCursorFile(storage: any Storage, directory: String) throws(SpateError) {
    guard !checkpoint.hasCursorFile else { return }
    var next = checkpoint
    next.hasCursorFile = true
    try next.store(in: storage, directory: directory)
    checkpoint = next
  }

  /// Trims the oldest segment: the checkpoint says so durably before the file is touched.
  mutating func trimFirst(
    _ catalog: SegmentCatalog,
    cursors: CursorRegistry,
    preparer: SegmentPreparer
  ) throws(SpateError) {
    let segments = catalog.segments
    guard segments.count > 1 else { return }
    var next = checkpoint
    next.trimmedPosition = segments[1].basePosition
    next.trimmedSequence = segments[1].baseSequence
    next.firstSegmentNumber = segments[1].number
    try preparer.trim([segments[0]], checkpoint: next)
    checkpoint = next
    guard let trimmed = catalog.removeFirst() else { return }
    if trimmed.isDamaged || cursors.isInUse(segment: trimmed.number) {
      // Views stay readable: the file goes when the last of them does.
      try preparer.remove(trimmed)
    } else {
      keep(trimmed, preparer: preparer)
    }
  }
}
