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
  let reserve: StoreReserve
  let usage = StoreUsage()
  let commitSignals: CommitSignalBox
  let openQueues = OpenQueues()
  /// What readers in other processes look at; nil where there is none.
  let page: SharedPage?
  /// Looks whether the store's directory is still there; nil for a store that is not on a real disk.
  let watch: StoreWatch?
  /// Whose threads these are.
  let owner = OwnerProcess()
  private var threads: [EngineThread] = []
  private let openFileCount = Atomic<Int>(0)
  private let openFileLimit: Int

  init(
    storage: any Storage,
    options: StoreOptions,
    page: SharedPage? = nil,
    watch: StoreWatch? = nil
  ) throws(SpateError) {
    self.storage = storage
    self.page = page
    self.watch = watch
    self.options = options
    pool = try BufferPool(budget: options.memoryBudgetByteCount)
    reserve = StoreReserve(storage: storage)
    cursorSupport = CursorSupport(pinLimit: pool.budget / 2)
    let block = storage.blockByteCount
    var limit = rlimit()
    unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    // Half of what the process may open is the host's.
    openFileLimit = max(16, Int(clamping: limit.rlim_cur) / 2)
    let commitSignals = CommitSignalBox()
    self.commitSignals = commitSignals
    committer = try Committer(
      storage: storage,
      pool: pool,
      clock: clock,
      page: page,
      commitSignals: commitSignals,
      tailCacheByteCount: cursorSupport.pins.limit
    )
    housekeeper = Housekeeper(pool: pool, watch: watch, openQueues: openQueues)
    if let watch {
      let housekeeper = housekeeper
      committer.onWritten = { if watch.ask() { housekeeper.lookSoon() } }
    }
    ringConfiguration = RingConfiguration(
      blockByteCount: block,
      dataOffset: UInt64(block),
      strideByteCount: Format.strideByteCount,
      minimalChunkByteCount: block,
      maximalChunkByteCount: max(block, min(options.maximalChunkByteCount, pool.budget / 16)),
      minimalSegmentByteCount: max(options.minimalSegmentByteCount, UInt64(block) * 4),
      maximalSegmentByteCount: max(options.maximalSegmentByteCount, options.minimalSegmentByteCount),
      maximalClaimByteCount: min(options.maximalClaimByteCount, pool.budget / 2),
      segmentFlags: storage.description.mode == .direct ? .direct : []
    )
  }

  /// Starts the committer and the housekeeper on a thread each.
  func start() throws(SpateError) {
    threads.append(
      try EngineThread(name: "spate-commit") { [committer] in
        committer.begin()
        committer.run()
      }
    )
    threads.append(try EngineThread(name: "spate-house") { [housekeeper] in housekeeper.run() })
  }

  /// Makes everything ready for a caller that takes the turns of committer and housekeeper itself, on one thread.
  func startWithoutThreads() { committer.begin() }

  /// Stops committer and housekeeper, once everything is settled. Blocks.
  func stop() {
    committer.stop()
    threads.first?.join()
    while !committer.hasEnded.load(ordering: .acquiring) { spate_sleep_us(100) }
    housekeeper.stop()
    threads.last?.join()
    while !housekeeper.hasEnded.load(ordering: .acquiring) { spate_sleep_us(100) }
    threads.removeAll()
    commitSignals.current?.close()
    // Queues that nobody wakes any more would keep their closed store alive.
    _ = pool.takeStarving()
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

  /// Makes a segment file ready and hands it to the queue's ring. Housekeeper, or who truncates.
  ///
  /// - Parameters:
  ///   - byteCount: the size that suits the queue.
  ///   - minimum: the size that will do: where there is no room for the other, a smaller file is made.
  ///   - exceedsQuotas: whether a quota is no reason to refuse it, for what gives room back soon.
  func prepareSegment(
    for core: QueueCore,
    byteCount: UInt64,
    atLeast minimum: UInt64 = 0,
    exceedsQuotas: Bool = false
  ) throws(SpateError) {
    let smallest = max(minimum, ringConfiguration.minimalSegmentByteCount)
    var size = max(smallest, min(byteCount, core.largestSegmentByteCount))
    while true {
      do throws(SpateError) {
        let made = try core.withFiles { (files, preparer) throws(SpateError) in
          if !exceedsQuotas { try checkQuotas(of: core, files, adding: size) }
          return try files.next(byteCount: size, preparer: preparer)
        }
        return hand(made, to: core)
      } catch {
        guard error.code == .diskFull, size > smallest else { throw error }
        size = max(smallest, size / 4)
      }
    }
  }

  private func hand(_ made: PreparedSegment, to core: QueueCore) {
    let displaced = core.ring.provide(made)
    // A drop that came in between has looked for it before.
    if core.isDropped, let late = core.ring.withdrawPrepared() { storage.close(late.file) }
    guard let displaced else { return }
    storage.close(displaced.file)
    guard !core.isDropped else { return }
    try? core.withFiles { (files, preparer) throws(SpateError) in
      files.keep(displaced.description(use: .unused), preparer: preparer)
    }
  }

  /// Seals a segment that ended, and lets go what the queue need not keep. Housekeeper.
  func seal(_ ended: QueueWriter.WriteSegment, of core: QueueCore, end: LogMark) {
    writeFooter(ended, of: core, end: end)
    if !core.isDropped { retain(core) }
  }

  /// Writes the footer of a segment that ended and closes its file. A footer that cannot be written is done
  /// without. Housekeeper; at a close, whoever closes.
  func writeFooter(_ ended: QueueWriter.WriteSegment, of core: QueueCore, end: LogMark) {
    guard let file = ended.file else { return }
    defer { storage.close(file) }
    guard !core.isDropped else { return }
    let segment = ended.segment
    let footer = ended.footer(end: end, lastTimestamp: clock.now)
    try? core.preparer.seal(file, of: segment.file.description(use: segment.use), footer: footer)
  }
}
