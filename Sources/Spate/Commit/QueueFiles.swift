/// The segment files of a queue that are not being written: the spare ones, the checkpoint, the numbers.
///
/// Guarded by its owner's lock, which is held while the disk works.
struct QueueFiles {
  /// The number of the next segment file to make.
  private(set) var nextSegmentNumber: UInt64
  /// Unused files, to be made the next segment.
  private var spares: [SegmentDescription]
  private(set) var checkpoint: QueueCheckpoint
  /// Bytes of all segment files: the log's, prepared and spare ones.
  private(set) var byteCount: UInt64

  /// The highest epoch that an unused file tells of, perhaps alone.
  private var statedEpoch: UInt64

  /// How many spare files a queue keeps; more are removed.
  static let spareLimit = 1

  init(recovered: RecoveredQueue) {
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
    statedEpoch = recovered.epoch
    byteCount = recovered.catalog.byteCount + spares.reduce(0) { $0 + $1.byteCount }
  }

  /// Whether there is a spare file of at least `byteCount` bytes.
  func hasSpare(of byteCount: UInt64) -> Bool { spares.contains { $0.byteCount >= byteCount } }

  /// A segment file of at least `byteCount` bytes: a spare one with a new number, or a new one.
  mutating func next(byteCount: UInt64, preparer: SegmentPreparer) throws(SpateError) -> PreparedSegment {
    // Numbers ascend along the log, so a spare file always gets a new one.
    let number = nextSegmentNumber
    nextSegmentNumber += 1
    if !spares.isEmpty { try keepEpoch(preparer) }
    statedEpoch = max(statedEpoch, preparer.epoch)
    while let index = spares.firstIndex(where: { $0.byteCount >= byteCount }) {
      let spare = spares.remove(at: index)
      // Until it is ready it is nobody's: when that fails, the file is gone.
      self.byteCount -= spare.byteCount
      if let recycled = try preparer.recycle(spare, as: number) {
        self.byteCount += recycled.byteCount
        return recycled
      }
      try preparer.remove(spare)
    }
    let made = try preparer.prepare(number: number, byteCount: byteCount)
    self.byteCount += made.byteCount
    return made
  }

  /// Removes the spare files, for a close: their numbers are behind the log's, and the next open would take
  /// them for trimmed ones.
  mutating func removeSpares(preparer: SegmentPreparer) {
    guard !spares.isEmpty, (try? keepEpoch(preparer)) != nil else { return }
    for spare in spares { try? remove(spare, preparer: preparer) }
    spares.removeAll()
  }

  /// Removes a segment's file for good.
  mutating func remove(_ segment: SegmentDescription, preparer: SegmentPreparer) throws(SpateError) {
    byteCount -= segment.byteCount
    try preparer.remove(segment)
  }

  /// Keeps an unused file for the next segment, or removes it when there are enough. A removal that fails is
  /// recovery's to finish.
  mutating func keep(_ segment: SegmentDescription, preparer: SegmentPreparer) {
    spares.append(segment)
    spares.sort { $0.byteCount > $1.byteCount }
    while spares.count > Self.spareLimit, (try? keepEpoch(preparer)) != nil, let smallest = spares.popLast() {
      try? remove(smallest, preparer: preparer)
    }
  }

  /// Makes the checkpoint tell of the epoch, unless the log does, before a file goes or is written over that may be the only
  /// one to do so. For a log in which nothing of that epoch got to the disk.
  private mutating func keepEpoch(_ preparer: SegmentPreparer) throws(SpateError) {
    guard statedEpoch > checkpoint.epoch, statedEpoch > preparer.durableEpoch() else { return }
    var next = checkpoint
    next.epoch = statedEpoch
    try next.store(in: preparer.storage, directory: preparer.directory)
    checkpoint = next
  }

  /// Makes the checkpoint say that there is a file of cursor slots; writes it the first time only.
  mutating func noteCursorFile(storage: any Storage, directory: String) throws(SpateError) {
    guard !checkpoint.hasCursorFile else { return }
    // The checkpoint must not be ahead of the file: one without its length would be taken for lost places.
    let file = try storage.open(directory + "/" + Format.cursorsName, .readWriteBuffered)
    defer { storage.close(file) }
    try storage.sync(file)
    var next = checkpoint
    next.hasCursorFile = true
    try next.store(in: storage, directory: directory)
    checkpoint = next
  }

  /// Makes the checkpoint contain what state frames below `statePosition` say.
  mutating func store(
    _ content: QueueContent,
    statePosition: UInt64,
    storage: any Storage,
    directory: String
  ) throws(SpateError) {
    var next = checkpoint
    next.content = content
    next.statePosition = statePosition
    guard next != checkpoint else { return }
    try next.store(in: storage, directory: directory)
    checkpoint = next
  }

  /// Trims the oldest segments: the checkpoint says so durably before a file is touched. A removal that fails then is
  /// recovery's to finish.
  mutating func trim(
    count: Int,
    _ catalog: SegmentCatalog,
    cursors: CursorRegistry,
    preparer: SegmentPreparer
  ) throws(SpateError) {
    let segments = catalog.segments
    let count = min(count, segments.count - 1)
    guard count > 0 else { return }
    var next = checkpoint
    next.trimmedPosition = segments[count].basePosition
    next.trimmedSequence = segments[count].baseSequence
    next.firstSegmentNumber = segments[count].number
    try preparer.trim(Array(segments[..<count]), checkpoint: next)
    checkpoint = next
    for _ in 0..<count {
      guard let trimmed = catalog.removeFirst() else { return }
      if trimmed.isDamaged || cursors.isInUse(segment: trimmed.number) {
        // Views stay readable: the file goes when the last of them does.
        try? remove(trimmed, preparer: preparer)
      } else {
        keep(trimmed, preparer: preparer)
      }
    }
  }
}
