import CSpate
import Glibc
import Synchronization

/// A directory of queues with one owner: one lock, one committer, one memory budget.
///
/// Safe to share between threads. A store that is released without ``close()`` is closed then.
public final class Store: Sendable {
  private struct State {
    var queues: [String: QueueCore] = [:]
    var isClosed = false
  }

  /// Where the store is.
  public let path: String
  let engine: Engine
  private let lock: StoreLock
  private let state = Mutex(State())

  private init(path: String, engine: Engine, lock: StoreLock) {
    self.path = path
    self.engine = engine
    self.lock = lock
  }

  deinit { closeQuietly() }

  /// Opens the store at `path`, or makes it, and takes its lock. Blocks on the disk.
  ///
  /// Queues are recovered when they are first asked for, so the time this takes does not depend on what the
  /// store holds.
  ///
  /// - Throws: `locked` with the owner's process when somebody else has the store open; `wrongKind` for a
  ///   path that is not a store; `permissionDenied`; `unsupportedFormat` for a store of a newer version;
  ///   `invalidArgument` for options out of range. A failed open changes nothing in an existing directory.
  public static func open(
    at path: String,
    options: StoreOptions = StoreOptions()
  ) throws(SpateError) -> Store {
    try open(at: path, options: options) { $0 }
  }

  /// As ``open(at:options:)``, on a storage that `wrap` puts around the real one.
  static func open(
    at path: String,
    options: StoreOptions,
    wrap: (SystemStorage) -> any Storage
  ) throws(SpateError) -> Store {
    try options.validate()
    // While the process has one thread, if it is that early: later the registration waits for every processor, for
    // milliseconds.
    _ = Ring.publishesWithBarrier
    let layout = try StoreLayout.examine(path, mayCreate: options.createsIfMissing)
    let system = try SystemStorage(root: path, strategy: options.ioStrategy, mode: options.fileMode)
    let storage = wrap(system)
    let page = SharedPage(makingFor: system.rootDescriptor)
    return try open(
      at: path,
      layout: layout,
      storage: storage,
      options: options,
      page: page,
      watching: system
    ) {
      engine throws(SpateError) in try engine.start()
    }
  }

  /// Opens the store that a storage holds, or makes it, without threads: the caller takes the turns of committer and
  /// housekeeper, on the one thread that also uses the store. For simulations.
  static func open(steppedOn storage: any Storage, options: StoreOptions) throws(SpateError) -> Store {
    try options.validate()
    let layout = try StoreLayout.examine(storage)
    return try open(at: layout.path, layout: layout, storage: storage, options: options, page: nil) {
      engine throws(SpateError) in engine.startWithoutThreads()
    }
  }

  private static func open(
    at path: String,
    layout: StoreLayout,
    storage: any Storage,
    options: StoreOptions,
    page: SharedPage?,
    watching disk: SystemStorage? = nil,
    start: (Engine) throws(SpateError) -> Void
  ) throws(SpateError) -> Store {
    let lock = try StoreLock.acquire(of: path, storage: storage, page: page)
    do throws(SpateError) {
      try layout.complete(storage: storage)
      let watch = disk.map { StoreWatch($0) }
      let engine = try Engine(storage: storage, options: options, page: page, watch: watch)
      if options.quotaByteCount != nil { try engine.usage.measure(storage) }
      try start(engine)
      engine.housekeeper.request(.sweep(storage))
      return Store(path: path, engine: engine, lock: lock)
    } catch {
      lock.release()
      throw error
    }
  }

  /// How the store talks to the disk, and why.
  public var ioDescription: StorageDescription { engine.storage.description }

  /// What the store has done since it was opened. Any thread; cheap.
  public var statistics: StoreStatistics {
    var statistics = StoreStatistics()
    engine.committer.statistics.fill(&statistics)
    statistics.memoryBudgetByteCount = engine.pool.budget
    statistics.memoryByteCount = engine.pool.allocatedByteCount
    statistics.peakMemoryByteCount = engine.pool.peakByteCount
    statistics.segmentByteCount = engine.usage.total
    statistics.queueCount = state.withLock { $0.queues.count }
    return statistics
  }

  /// The names of the queues that the store holds, sorted. Blocks on the disk.
  public var queueNames: [String] {
    get throws(SpateError) {
      try engine.storage.contents(ofDirectory: StoreLayout.queuesName).filter(StoreLayout.isQueueName)
        .sorted()
    }
  }

  /// Opens the queue with a name, recovering it, or makes it. Blocks on the disk the first time; any thread.
  ///
  /// Asking again for an open queue gives a handle to the same one, whose appends carry the fencing epoch in force.
  ///
  /// - Parameter name: 1 to 200 bytes of UTF-8, without `/`, not beginning with a dot.
  /// - Throws: `invalidArgument` for a bad name, `notFound` when it must not be made or the store's directory is gone, `unsupportedFormat`,
  ///   `corrupt` for a manifest that cannot be read, and what the disk says.
  public func queue(named name: String, options: QueueOptions = QueueOptions()) throws(SpateError) -> Queue {
    try StoreLayout.validate(queueName: name)
    try options.validate(smallestSegment: engine.options.minimalSegmentByteCount)
    // The lock is held through the recovery: two threads that ask for one queue must get one.
    let result: Result<QueueCore, SpateError> = state.withLock { state in
      if state.isClosed { return .failure(SpateError(.closed, "the store is closed; open it again")) }
      if let loss = engine.watch?.loss { return .failure(loss) }
      if let core = state.queues[name] { return .success(core) }
      do throws(SpateError) {
        let core = try recover(name, options: options)
        state.queues[name] = core
        return .success(core)
      } catch {
        return .failure(error)
      }
    }
    let core = try result.get()
    return Queue(core: core)
  }

  /// Runs a step that takes the queue with a name away, which is open or nil, and forgets it. Nobody opens a queue
  /// meanwhile.
  func whileNobodyOpens(
    _ name: String,
    _ body: (QueueCore?, any Storage) throws(SpateError) -> Void
  ) throws(SpateError) {
    let result: Result<Void, SpateError> = state.withLock { state in
      if state.isClosed { return .failure(SpateError(.closed, "the store is closed; open it again")) }
      do throws(SpateError) {
        let core = state.queues.removeValue(forKey: name)
        try body(core, engine.storage)
        engine.usage.remove(name)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  private func recover(_ name: String, options: QueueOptions) throws(SpateError) -> QueueCore {
    let storage = engine.storage
    let directory = StoreLayout.directory(ofQueue: name)
    try StoreLayout.makeQueueIfMissing(directory, storage: storage, options: options, clock: engine.clock)
    let recovered = try QueueRecovery.run(
      storage: storage,
      directory: directory,
      destinations: DestinationLookup(storage: storage, isReadOnly: false, open: engine.openQueues)
    )
    // Whoever made the queue may have come to its end before the directories were synced. Nothing is promised of a queue
    // before it has a segment, nor is one made before this.
    if recovered.catalog.count == 0 {
      try storage.syncDirectory(directory)
      try storage.syncDirectory(StoreLayout.queuesName)
    }
    return QueueCore(name: name, directory: directory, recovered: recovered, options: options, engine: engine)
  }

  /// Closes the store: refuses appends, makes everything that was published durable, and gives the lock back.
  /// Blocks.
  ///
  /// Handles, cursors and batches that are still out stay safe to touch: appends throw `closed`, views stay
  /// readable until released. Closing twice does nothing.
  ///
  /// On a full disk it waits until there is room: what was published has sequences that may have been told to
  /// others, and giving it up is not for a close to decide.
  ///
  /// In a process that was forked from the one that opened the store it does nothing: the store is open there.
  ///
  /// - Throws: what kept published records from becoming durable; the store is closed all the same.
  public func close() throws(SpateError) {
    // The lock is one with the owner's, and its threads are not here.
    guard engine.owner.isCurrent else { return }
    let cores: [QueueCore]? = state.withLock { state in
      guard !state.isClosed else { return nil }
      state.isClosed = true
      return state.queues.values.sorted { $0.name < $1.name }
    }
    guard let cores else { return }
    var failure: SpateError?
    // Transactions first: a cursor's place is saved by its own queue, which may be closed before the destination.
    for core in cores { core.finishTransactions() }
    for core in cores {
      do { try core.close() } catch { failure = failure ?? error }
    }
    engine.stop()
    for core in cores { core.releaseFiles() }
    lock.release()
    if let failure { throw failure }
  }

  private func closeQuietly() {
    do { try close() } catch {}
  }
}
