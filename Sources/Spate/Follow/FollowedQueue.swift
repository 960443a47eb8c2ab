import CSpate

/// A queue that another process appends to, or nobody: what cursors of this process read of it.
///
/// Changed by the store's follower, which holds ``StoreFollower``'s lock, or by a cursor that meets a segment
/// that is gone; read by any thread. Nothing here ever writes to the store.
final class FollowedQueue: CursorLog, @unchecked Sendable {
  // SAFETY: `slot` and what follows it are guarded by the follower's lock.
  let name: String
  let directory: String
  let manifest: QueueManifest
  /// What a read-only recovery found when nobody owned the store.
  private(set) var report = RecoveryReport()
  private var slot: SharedSlot?
  private var seen: SharedSlot.State?

  init(name: String, storage: any Storage, support: CursorSupport) throws(SpateError) {
    self.name = name
    directory = StoreLayout.directory(ofQueue: name)
    manifest = try QueueManifest.load(from: storage, directory: directory)
    super.init(
      storage: storage,
      support: support,
      catalog: SegmentCatalog(),
      watermarks: Watermarks(at: LogMark(position: 0, sequence: manifest.baseSequence)),
      tail: nil
    )
  }

  override var holdsFiles: Bool { true }

  override func openFile(
    of segment: SegmentDescription,
    _ mode: OpenMode
  ) throws(SpateError) -> StorageFile? {
    var opened: StorageFile?
    do throws(SpateError) {
      opened = try storage.open(segment.path, mode)
    } catch {
      guard error.code == .notFound else { throw error }
    }
    if let file = opened {
      // Locked before it is looked at: an owner that reuses the file locks it before it writes the new header.
      if try storage.tryLock(file, .reading), try isFile(of: segment) { return file }
      storage.close(file)
    }
    try dropTrimmed()
    guard catalog.segment(containing: segment.basePosition)?.number != segment.number else {
      throw SpateError(
        .notFound,
        "the segment's file is gone or holds something else, and the log does not begin behind it; "
          + "see what happened to the store",
        path: segment.path,
        position: segment.basePosition
      )
    }
    return nil
  }

  /// Whether a segment's path still leads to the segment.
  private func isFile(of segment: SegmentDescription) throws(SpateError) -> Bool {
    let header = try SegmentFile(storage: storage, path: segment.path)
      .header(number: segment.number, queueIdentifier: manifest.queueIdentifier)
    return header.state == .used && header.description.salt == segment.salt
  }

  // MARK: The catalog

  /// Takes in the segments that came since, and drops those that are trimmed.
  private func refreshCatalog() throws(SpateError) {
    let first = try checkpoint()?.firstSegmentNumber ?? 0
    let known = catalog.last?.number
    for number in try segmentNumbers() where number >= first && known.map({ number > $0 }) ?? true {
      let path = directory + "/" + Format.segmentName(number)
      do throws(SpateError) {
        let header = try SegmentFile(storage: storage, path: path)
          .header(number: number, queueIdentifier: manifest.queueIdentifier)
        guard header.state == .used else { continue }
        catalog.append(header.description)
        // The log was cut off while nobody told.
        let use = header.description.use
        if use.cut.position < watermarks.durablePosition, !use.flags.isEmpty { cut(at: use.cut) }
      } catch {
        // Trimmed, or renamed to be used again, since it was listed.
        guard error.code == .notFound else { throw error }
      }
    }
    try dropTrimmed()
  }

  private func dropTrimmed() throws(SpateError) {
    let first = try checkpoint()?.firstSegmentNumber ?? 0
    let present = Set(try segmentNumbers())
    while let oldest = catalog.first, oldest.number < first || !present.contains(oldest.number) {
      guard catalog.removeFirst() != nil else { return }
    }
  }

  private func segmentNumbers() throws(SpateError) -> [UInt64] {
    try storage.contents(ofDirectory: directory).compactMap { Format.segmentNumber(inName: $0) }.sorted()
  }

  private func checkpoint() throws(SpateError) -> QueueCheckpoint? {
    try QueueCheckpoint.load(
      from: storage,
      directory: directory,
      queueIdentifier: manifest.queueIdentifier
    ).checkpoint
  }

  // MARK: Following an owner

  /// Looks at what the owner says in its page. With the follower's lock.
  func follow(_ page: SharedPage) throws(SpateError) {
    if slot == nil {
      slot = page.slot(of: manifest.queueIdentifier)
      seen = nil
    }
    guard let state = slot?.state, state != seen else { return }
    if seen == nil || state.segmentNumber != catalog.last?.number { try refreshCatalog() }
    if let seen, state.cutCount != seen.cutCount {
      cut(at: state.cut)
    } else if state.durable.sequence < watermarks.durableSequence {
      cut(at: state.durable)
    }
    seen = state
    advance(to: state.durable)
  }

  /// Whether the owner has the queue open, as far as this process can see.
  var isShared: Bool { slot != nil }

  /// Forgets the owner that was followed. With the follower's lock.
  func forgetOwner() {
    slot = nil
    seen = nil
  }

  /// Finds out from the files alone how far the log goes, and makes that durable. With the follower's lock.
  func scan() throws(SpateError) {
    let recovered = try QueueRecovery.run(
      storage: storage,
      directory: directory,
      manifest: manifest,
      isReadOnly: true
    )
    report = recovered.report
    for segment in recovered.catalog.segments where catalog.last.map({ $0.number < segment.number }) ?? true {
      var segment = segment
      // An owner that comes next seals it, or not.
      if segment.number == recovered.catalog.last?.number {
        segment.endPosition = nil
        segment.endSequence = nil
      }
      catalog.append(segment)
    }
    for damage in recovered.catalog.damages { catalog.add(damage) }
    try dropTrimmed()
    let end = LogMark(position: recovered.endPosition, sequence: recovered.endSequence)
    if end.sequence < watermarks.durableSequence { cut(at: end) }
    advance(to: end)
  }

  private func advance(to mark: LogMark) {
    var none: [Waiter] = []
    watermarks.advance(written: mark, durable: mark, covered: &none)
    for waiter in none { waiter.complete(with: nil) }
  }

  private func cut(at mark: LogMark) {
    watermarks.restart(at: mark)
    cursors.noteTruncation(at: mark)
  }
}
