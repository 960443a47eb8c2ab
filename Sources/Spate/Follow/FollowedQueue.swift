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
    do throws(SpateError) {
      let file = try storage.open(segment.path, mode)
      if try isLocked(file, of: segment) { return file }
    } catch {
      guard error.code == .notFound else { throw error }
    }
    dropTrimmed(try listSegments())
    guard !contains(segment) else {
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

  /// Locks a segment's file for reading. It is closed instead when it is not the segment's any more.
  private func isLocked(_ file: StorageFile, of segment: SegmentDescription) throws(SpateError) -> Bool {
    do throws(SpateError) {
      // Locked before it is looked at: an owner that reuses the file locks it before it writes the new header.
      if try storage.tryLock(file, .reading), try isFile(of: segment) { return true }
    } catch {
      storage.close(file)
      throw error
    }
    storage.close(file)
    return false
  }

  /// Whether a segment's path still leads to the segment.
  private func isFile(of segment: SegmentDescription) throws(SpateError) -> Bool {
    let header = try header(of: segment.number)
    return header.state == .used && header.description.salt == segment.salt
  }

  private func header(of number: UInt64) throws(SpateError) -> SegmentHeaderBlock {
    let path = directory + "/" + Format.segmentName(number)
    return try SegmentFile(storage: storage, path: path)
      .header(number: number, queueIdentifier: manifest.queueIdentifier)
  }

  // MARK: The catalog

  /// Takes in the segments that came since, and drops those that are trimmed.
  private func refreshCatalog() throws(SpateError) {
    let known = catalog.last?.number
    let kept = try listSegments()
    for number in kept where known.map({ number > $0 }) ?? true {
      do throws(SpateError) {
        let header = try header(of: number)
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
    dropTrimmed(kept)
  }

  /// Drops the segments that are not among those that are kept.
  private func dropTrimmed(_ kept: [UInt64]) {
    let kept = Set(kept)
    while let oldest = catalog.first, !kept.contains(oldest.number) {
      guard catalog.removeFirst() != nil else { return }
    }
  }

  /// The numbers of the segment files that are there and not trimmed, ascending.
  private func listSegments() throws(SpateError) -> [UInt64] {
    let first = try loadCheckpoint()?.firstSegmentNumber ?? 0
    return try storage.contents(ofDirectory: directory).compactMap { Format.segmentNumber(inName: $0) }
      .filter { $0 >= first }.sorted()
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
      cut(at: state.cutCount == seen.cutCount &+ 1 ? state.cut : state.lowestCut)
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
    dropTrimmed(try listSegments())
    let end = LogMark(position: recovered.endPosition, sequence: recovered.endSequence)
    if end.sequence < watermarks.durableSequence { cut(at: end) }
    advance(to: end)
  }

  /// What the files say of the queue's metadata, below where the log is known to be durable. Nil when the owner
  /// changed the files meanwhile. Any thread.
  func readMetadata() throws(SpateError) -> [String: [UInt8]]? {
    let end = watermarks.durablePosition
    let before = try loadCheckpoint()
    do throws(SpateError) {
      let recovered = try QueueRecovery.run(
        storage: storage,
        directory: directory,
        manifest: manifest,
        isReadOnly: true,
        scope: .state(below: end)
      )
      // Frames that a newer checkpoint contains may have been trimmed before they were read.
      return try loadCheckpoint() == before ? recovered.content.metadata : nil
    } catch {
      guard error.code == .notFound, error.path?.hasSuffix(Format.segmentSuffix) == true else { throw error }
      return nil
    }
  }

  private func loadCheckpoint() throws(SpateError) -> QueueCheckpoint? {
    try QueueCheckpoint.load(
      from: storage,
      directory: directory,
      queueIdentifier: manifest.queueIdentifier
    ).checkpoint
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
