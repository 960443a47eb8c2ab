import CSpate
import Glibc
import Synchronization

/// What all queues of an open store share: the disk, the memory, the clock and the two threads.
final class Engine: @unchecked Sendable {
  // SAFETY: constants, and types that guard themselves; `threads` is written before the engine is shared and
  // at the close.
  let options: StoreOptions
  let storage: any Storage
  let pool: BufferPool
  let clock = StoreClock()
  let committer: Committer
  let housekeeper: Housekeeper
  let ringConfiguration: RingConfiguration
  let cursorSupport: CursorSupport
  /// What readers in other processes look at; nil where there is none.
  let page: SharedPage?
  private var threads: [EngineThread] = []
  private let openFileCount = Atomic<Int>(0)
  private let openFileLimit: Int

  init(storage: any Storage, options: StoreOptions, page: SharedPage? = nil) throws(SpateError) {
    self.storage = storage
    self.page = page
    self.options = options
    pool = try BufferPool(budget: options.memoryBudgetByteCount)
    cursorSupport = CursorSupport(pinLimit: pool.budget / 2)
    let block = storage.blockByteCount
    var limit = rlimit()
    unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    // Half of what the process may open is the host's.
    openFileLimit = max(16, Int(clamping: limit.rlim_cur) / 2)
    committer = try Committer(
      storage: storage,
      pool: pool,
      clock: clock,
      page: page,
      pins: cursorSupport.pins
    )
    housekeeper = Housekeeper(pool: pool)
    ringConfiguration = RingConfiguration(
      blockByteCount: block,
      dataOffset: UInt64(block),
      strideByteCount: Format.strideByteCount,
      minimalChunkByteCount: block,
      maximalChunkByteCount: max(block, min(options.maximalChunkByteCount, pool.budget / 16)),
      minimalSegmentByteCount: max(options.minimalSegmentByteCount, UInt64(block) * 4),
      maximalSegmentByteCount: max(options.maximalSegmentByteCount, options.minimalSegmentByteCount),
      maximalClaimByteCount: min(options.maximalClaimByteCount, pool.budget / 2)
    )
  }

  /// Starts the committer and the housekeeper.
  func start() throws(SpateError) {
    threads.append(try EngineThread(name: "spate-commit") { [committer] in committer.run() })
    threads.append(try EngineThread(name: "spate-house") { [housekeeper] in housekeeper.run() })
  }

  /// Stops both threads, once everything is settled. Blocks.
  func stop() {
    committer.stop()
    threads.first?.join()
    housekeeper.stop()
    threads.last?.join()
    threads.removeAll()
  }

  /// Counts segment files that the committer holds open.
  func countOpenFiles(_ change: Int) { openFileCount.wrappingAdd(change, ordering: .relaxed) }

  /// Whether queues that go idle should close their files.
  var holdsManyFiles: Bool { openFileCount.load(ordering: .relaxed) > openFileLimit }

  /// Tells those who wait for memory that there may be some.
  func notifyStarving() {
    for waiter in pool.takeStarving() { waiter.memoryWasFreed() }
  }

  // MARK: Housekeeping

  /// Makes a segment file ready and hands it to the queue's ring. Housekeeper.
  func prepareSegment(for core: QueueCore, byteCount: UInt64) throws(SpateError) {
    let preparer = SegmentPreparer(
      storage: storage,
      directory: core.directory,
      queueIdentifier: core.identifier
    )
    let result: Result<PreparedSegment, SpateError> = core.files.withLock { files in
      do throws(SpateError) {
        let pause = pace(for: core, byteCount: byteCount)
        return .success(try files.next(byteCount: byteCount, preparer: preparer, pause: pause))
      } catch {
        return .failure(error)
      }
    }
    if let displaced = core.ring.provide(try result.get()) {
      storage.close(displaced.file)
      core.files.withLock { $0.keep(displaced.description(use: .unused), preparer: preparer) }
    }
  }

  /// Zeroing beside a busy writer costs it a third of its throughput: rest between the pieces while syncs are
  /// slow. A file that would be needed before it is zeroed goes to the producers as it is: writing into extents that
  /// were never written is slower, but faster than waiting, and than writing everything twice.
  private func pace(for core: QueueCore, byteCount: UInt64) -> (UInt64) -> Bool {
    let committer = committer
    let begun = spate_now_monotonic_ns()
    let leftAtFirst = core.ring.segmentBytesLeft
    return { filled in
      guard !core.ring.isWaitingForSegment else { return false }
      let left = core.ring.segmentBytesLeft
      let used = leftAtFirst - min(left, leftAtFirst)
      // Both rates over the same time: what is left of the file, and of the segment before it.
      let rest = Double(byteCount - min(filled, byteCount)) / Double(filled)
      if filled >= 4 << 20, rest > Double(left) / Double(max(used, 1)) {
        return false
      }
      // In all, no longer than the time in which the rest of the active segment fills.
      guard spate_now_monotonic_ns() &- begun < 2_000_000_000 else { return true }
      let latency = committer.statistics.lastSyncNanoseconds
      usleep(UInt32(min(2_000, latency / 1_000)))
      return true
    }
  }

  /// Writes the footer of a segment that ended and closes its file. A footer that cannot be written is done
  /// without. Housekeeper.
  func seal(_ ended: QueueWriter.WriteSegment, of core: QueueCore, end: LogMark) {
    let preparer = SegmentPreparer(
      storage: storage,
      directory: core.directory,
      queueIdentifier: core.identifier
    )
    let segment = ended.segment
    let footer = ended.footer(end: end, lastTimestamp: clock.now)
    if let file = ended.file {
      try? preparer.seal(file, of: segment.file.description(use: segment.use), footer: footer)
      storage.close(file)
    }
    retain(core, preparer: preparer)
  }

  /// Trims what the queue's retention does not keep.
  private func retain(_ core: QueueCore, preparer: SegmentPreparer) {
    core.files.withLock { files in
      guard let limit = files.retainedByteCount else { return }
      while core.catalog.byteCount > limit, let end = core.catalog.first?.endPosition,
        end <= core.watermarks.durablePosition
      {
        // A trim that fails is tried again when the next segment ends.
        guard (try? files.trimFirst(core.catalog, cursors: core.cursors, preparer: preparer)) != nil else {
          return
        }
      }
    }
  }

  /// Trims whole segments that hold nothing at or behind `sequence`.
  func trim(_ core: QueueCore, before sequence: UInt64) throws(SpateError) {
    let preparer = SegmentPreparer(
      storage: storage,
      directory: core.directory,
      queueIdentifier: core.identifier
    )
    let failure: SpateError? = core.files.withLock { files in
      do throws(SpateError) {
        while core.catalog.count > 1, let end = core.catalog.first?.endSequence, end <= sequence,
          end <= core.watermarks.durableSequence
        {
          try files.trimFirst(core.catalog, cursors: core.cursors, preparer: preparer)
        }
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }
}
