import CSpate
import Synchronization

/// All of one open queue: its ring, its watermarks, its segments, and what the two threads of the store keep
/// of it.
///
/// Shared by the handles, cursors, claims and batches of the queue, which keep it alive.
final class QueueCore: CursorLog, RingEnvironment, BufferWaiter, @unchecked Sendable {
  // SAFETY: `writer` is touched by who has the committer's turn only, `named` and `state` are set once; everything else is a constant or guards itself.
  let name: String
  let directory: String
  let identifier: QueueIdentifier
  /// The epoch in which the queue was opened. A truncation begins a later one.
  let firstEpoch: UInt64
  let engine: Engine
  let ring: Ring
  let counters = QueueCounters()
  let clock: StoreClock
  let report: RecoveryReport
  let claimDeadlineNanoseconds: UInt64
  let syncIntervalNanoseconds: UInt64?
  /// Whether records rest in the page cache until their sync is due: files are buffered, and syncs are put off.
  let isWriteBehind: Bool
  let retention: RetentionOptions
  let quotaByteCount: UInt64?
  /// Where readers in other processes see how far this queue is durable. Changed by the committer.
  let sharedSlot: SharedSlot?
  private(set) var writer: QueueWriter!
  /// The named cursors.
  private(set) var named: NamedCursorRegistry!
  /// What the queue keeps beside its records.
  private(set) var state: QueueState!
  private let dropped = Atomic<Bool>(false)
  /// Whether the store's commit signal lists the queue. Changed under its lock.
  let isListedAsAdvanced = Atomic<Bool>(false)
  /// The files beside the active segment. The lock is held while they are worked on, never on the way of a
  /// record.
  let files: Mutex<QueueFiles>
  /// Held by what changes the queue as a whole: a truncation, a close.
  let maintenance = Mutex<Void>(())
  /// Segments that a truncation cut off; their files go once the cut is durable.
  let cutSegments = Mutex<[SegmentDescription]>([])

  init(name: String, directory: String, recovered: RecoveredQueue, options: QueueOptions, engine: Engine) {
    self.name = name
    self.directory = directory
    identifier = recovered.manifest.queueIdentifier
    firstEpoch = recovered.epoch + 1
    self.engine = engine
    clock = engine.clock
    if let last = recovered.catalog.last { clock.advance(to: last.lastTimestamp ?? last.baseTimestamp) }
    report = recovered.report
    syncIntervalNanoseconds = options.syncIntervalNanoseconds
    isWriteBehind = options.syncIntervalNanoseconds != nil && engine.storage.description.mode == .buffered
    sharedSlot = engine.page?.makeSlot(
      recovered.manifest.queueIdentifier,
      durable: LogMark(position: recovered.endPosition, sequence: recovered.endSequence),
      segmentNumber: recovered.catalog.last?.number ?? 0
    )
    claimDeadlineNanoseconds = engine.options.claimDeadlineNanoseconds
    retention = options.retention
    quotaByteCount = options.quotaByteCount
    files = Mutex(QueueFiles(recovered: recovered))
    let end = LogMark(
      position: Format.alignUp(recovered.endPosition, to: engine.storage.blockByteCount),
      sequence: recovered.endSequence
    )
    let committer = engine.committer
    let attendant = WaitAttendant(
      committer: committer,
      syncsOnDemand: options.syncIntervalNanoseconds != nil,
      takesAssistants: isWriteBehind
    )
    ring = Ring(
      end: end,
      epoch: firstEpoch,
      fencingEpoch: recovered.content.fencingEpoch,
      flags: recovered.nextFlags,
      cutPosition: recovered.nextCutPosition,
      pool: engine.pool,
      configuration: engine.ringConfiguration
    )
    super.init(
      storage: engine.storage,
      support: engine.cursorSupport,
      catalog: recovered.catalog,
      watermarks: Watermarks(at: end, attendant: attendant),
      tail: ring
    )
    writer = QueueWriter(core: self, end: end)
    named = NamedCursorRegistry(core: self, recovered: recovered, storage: engine.storage)
    state = QueueState(core: self, recovered: recovered)
    engine.openQueues.add(self)
    ring.attach(environment: self)
    engine.usage.set(files.withLock { $0.byteCount }, ofQueue: name)
    // What a shorter retention, or acknowledgements before the last end, allow to go.
    if catalog.count > 1 { engine.housekeeper.schedule(self, after: 0) }
  }

  /// Whether the queue is gone from the store: its directory may be another queue's.
  var isDropped: Bool { dropped.load(ordering: .acquiring) }

  /// Notes that the queue is gone. With the lock of `files`.
  func noteDrop() { dropped.store(true, ordering: .releasing) }

  // MARK: Publishing

  @inline(never)
  func attend(_ bits: UInt32) {
    let header = unsafe ring.words.header
    if bits & Attention.followerParked != 0 {
      unsafe header.pointee.attention.bitwiseAnd(~Attention.followerParked, ordering: .acquiringAndReleasing)
      published.signal()
    }
    if bits & Attention.committerIdle != 0, clearIdle() { engine.committer.enqueue(self) }
  }

  /// Clears the bit that asks producers to tell of a publish. Returns true for the one who cleared it.
  func clearIdle() -> Bool {
    // ORDERING: sequentially consistent: one of the committer's last look and the producer's publish sees the
    // other.
    unsafe ring.words.header.pointee.attention.bitwiseAnd(
      ~Attention.committerIdle,
      ordering: .sequentiallyConsistent
    ).oldValue & Attention.committerIdle != 0
  }

  /// Asks producers to tell of their next publish. Committer only.
  func setIdle() {
    unsafe ring.words.header.pointee.attention.bitwiseOr(
      Attention.committerIdle,
      ordering: .sequentiallyConsistent
    )
  }

  override func parkFollower() {
    unsafe ring.words.header.pointee.attention.bitwiseOr(
      Attention.followerParked,
      ordering: .sequentiallyConsistent
    )
    if !Ring.publishesWithBarrier { _ = spate_membarrier() }
  }

  // MARK: What the ring asks

  var timestamp: UInt64 { clock.now }
  var bufferWaiter: any BufferWaiter { self }

  var recoveryHint: RecoveryHint {
    let positions = [named.statePosition, state.statePosition]
    return RecoveryHint(
      durable: watermarks.durable,
      statePosition: positions.lazy.filter { $0 != 0 }.min() ?? 0
    )
  }

  func prepareSegment(byteCount: UInt64, atLeast minimum: UInt64) {
    engine.housekeeper.request(.prepare(self, byteCount: byteCount, atLeast: minimum))
  }

  func warmMemory() { engine.housekeeper.request(.warm) }

  func memoryWasFreed() { ring.unblock() }

  func buffersWereFreed() { engine.notifyStarving() }

  // MARK: What the committer tells

  func segmentBegan(_ segment: RingSegment) {
    noteCutSegments(catalog.append(segment.file.description(use: segment.use)))
  }

  /// Keeps in mind whose files are to be removed once a truncation is durable.
  func noteCutSegments(_ segments: [SegmentDescription]) {
    if !segments.isEmpty { cutSegments.withLock { $0.append(contentsOf: segments) } }
  }

  func segmentEnded(_ segment: QueueWriter.WriteSegment, end: LogMark) {
    catalog.seal(
      segment.segment.file.number,
      endPosition: end.position,
      endSequence: end.sequence,
      lastTimestamp: clock.now
    )
    engine.housekeeper.request(.seal(self, segment, end: end))
  }

  func countExpiredClaim() {
    counters.countExpiredClaim()
    // What was behind it can be read now.
    published.signal()
  }

  func diskBecameFull(_ error: SpateError) { ring.refuse(.full(error)) }

  /// No record becomes durable any more; appends and waits fail until the store is reopened.
  func fail(_ failure: SpateError) {
    ring.refuse(.failed(failure))
    watermarks.fail(failure)
    published.signal()
    tellAdvance()
  }

  /// Tells event loops that something happened to the queue besides a commit.
  func tellAdvance() {
    guard let signal = engine.commitSignals.current else { return }
    signal.list(self)
    signal.fire()
  }

  // MARK: Reading the state

  var statistics: QueueStatistics {
    var statistics = QueueStatistics()
    counters.fill(&statistics)
    let durable = watermarks.durable
    statistics.durableSequence = durable.sequence
    statistics.durablePosition = durable.position
    statistics.writtenSequence = watermarks.writtenSequence
    statistics.firstSequence = catalog.first?.baseSequence ?? durable.sequence
    statistics.ringByteCount = ring.bufferByteCount
    statistics.cursorCount = cursors.count
    statistics.namedCursorCount = named.count
    statistics.evictedCount = named.evictedCount.load(ordering: .relaxed)
    statistics.segmentByteCount = files.withLock { $0.byteCount }
    statistics.largestCursorLag =
      cursors.lowestSequence.map { durable.sequence - min($0, durable.sequence) } ?? 0
    return statistics
  }
}

// Closing.
extension QueueCore {
  /// Refuses appends and waits until everything that was published is durable. Blocks.
  func close() throws(SpateError) {
    let failure: SpateError? = maintenance.withLock { _ in
      named.close()
      ring.refuse(.closed)
      ring.closeNewest()
      defer {
        watermarks.fail(SpateError(.closed, "the store was closed"))
        published.signal()
      }
      do throws(SpateError) {
        try watermarks.wait(.durablePosition, for: ring.claimedEnd.position, until: -1)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  /// Closes the files of segments that are still open, once the threads have ended.
  func releaseFiles() {
    writer.sealLast()
    writer.closeFiles()
    // After a failure the committer takes no more segments over.
    for segment in ring.takeBegunSegments() { engine.storage.close(segment.file.file) }
    if let prepared = ring.withdrawPrepared() { engine.storage.close(prepared.file) }
    files.withLock { $0.removeSpares(preparer: preparer) }
  }
}
