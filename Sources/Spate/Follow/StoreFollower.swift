import CSpate
import Glibc
import Synchronization

/// Keeps the queues of a read-only store up to date: a thread that sleeps on the owner's page.
///
/// Where there is no owner, or its page cannot be reached (another user's process, another container), the
/// thread finds out from the files how far the logs go, from time to time.
final class StoreFollower: @unchecked Sendable {
  // SAFETY: `thread` is written before the follower is shared, and at its end; the rest guards itself.
  /// How often the lock is looked at, and the files where there is no page to look at.
  static let pollNanoseconds: Int64 = 100_000_000

  /// Who appends, as far as it is known here.
  private enum Owner {
    case none
    /// Somebody whose page cannot be reached.
    case hidden
    case shared(SharedPage)

    /// Whether somebody has the store open for appending.
    var isThere: Bool {
      if case .none = self { return false }
      return true
    }
  }

  private struct State {
    var owner = Owner.none
    /// What the lock's file said when the owner was found, or the files were read.
    var identity: StoreOwner?
    var queues: [FollowedQueue] = []
    var isStopping = false
  }

  private let storage: any Storage
  private let root: Int32
  private let state = Mutex(State())
  private let event = EventCount()
  private var thread: EngineThread?

  init(storage: any Storage, root: Int32) {
    self.storage = storage
    self.root = root
  }

  /// Starts the thread.
  func start() throws(SpateError) {
    thread = try EngineThread(name: "spate-follow") { [self] in run() }
  }

  /// Ends the thread. Blocks for as long as a look at the files takes.
  func stop() {
    let page: SharedPage? = state.withLock { state in
      state.isStopping = true
      if case .shared(let page) = state.owner { return page }
      return nil
    }
    event.signal()
    // Readers of other processes wake up once more than they had to.
    page?.signal()
    thread?.join()
    thread = nil
  }

  /// Whether somebody has the store open for appending.
  var hasOwner: Bool { state.withLock { $0.owner.isThere } }

  /// Takes a queue in and brings it up to date. Blocks on the disk.
  func add(_ queue: FollowedQueue) throws(SpateError) {
    let failure: SpateError? = state.withLock { state in
      do throws(SpateError) {
        _ = try attend(&state)
        try update(queue, state.owner, isFirst: true)
        state.queues.append(queue)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
    event.signal()
  }

  /// What is durable of a queue's metadata. Blocks on the disk.
  func metadata(of queue: FollowedQueue) throws(SpateError) -> [String: [UInt8]] {
    for _ in 0..<Self.lookLimit {
      try refresh(queue)
      let count = queue.cursors.truncationCount
      let metadata = try queue.readMetadata()
      // New frames at places that a truncation cut off must not be taken for durable ones.
      try refresh(queue)
      if let metadata, queue.cursors.truncationCount == count { return metadata }
    }
    throw SpateError(
      .busy,
      "the queue's owner changed its files all the while they were read; try again",
      path: queue.directory
    )
  }

  /// How often the files are looked at before an owner that changes them all the while is given way.
  private static let lookLimit = 32

  /// Takes over how far a queue is durable now.
  private func refresh(_ queue: FollowedQueue) throws(SpateError) {
    let failure: SpateError? = state.withLock { state in
      do throws(SpateError) {
        let changed = try attend(&state)
        try update(queue, state.owner, isFirst: changed)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  // MARK: The thread

  private func run() {
    var lastLook: Int64 = 0
    while true {
      let seenEvents = event.current
      let (page, seen, isStopping): (SharedPage?, UInt32, Bool) = state.withLock { state in
        // The count is read before the slots: what moves afterwards ends the sleep.
        var page: SharedPage?
        var seen: UInt32 = 0
        if case .shared(let shared) = state.owner {
          page = shared
          seen = shared.eventCount
        }
        let now = Int64(spate_now_monotonic_ns())
        let isDue = now - lastLook >= Self.pollNanoseconds
        if isDue { lastLook = now }
        look(&state, isDue: isDue)
        return (page, seen, state.isStopping)
      }
      if isStopping { return }
      let deadline = Int64(spate_now_monotonic_ns()) + Self.pollNanoseconds
      if let page {
        page.wait(from: seen, until: deadline)
      } else {
        _ = event.wait(from: seenEvents, until: deadline)
      }
    }
  }

  /// One look at the owner's words, and, when it is due, at who owns the store.
  private func look(_ state: inout State, isDue: Bool) {
    let changed = isDue && ((try? attend(&state)) ?? false)
    for queue in state.queues {
      switch state.owner {
      case .none where !changed: continue
      case .hidden where !isDue: continue
      default: break
      }
      // What cannot be read now is read at the next look; cursors throw what concerns them.
      try? update(queue, state.owner, isFirst: changed)
    }
  }

  private func update(_ queue: FollowedQueue, _ owner: Owner, isFirst: Bool) throws(SpateError) {
    guard case .shared(let page) = owner else { return try queue.scan() }
    try queue.follow(page)
    // Not open there: nobody appends to it, and what its files hold is all there is.
    if isFirst, !queue.isShared { try queue.scan() }
  }

  /// Finds out who owns the store. Returns whether that is somebody else than before.
  private func attend(_ state: inout State) throws(SpateError) -> Bool {
    let file = try storage.open(StoreLayout.lockName, .read)
    defer { storage.close(file) }
    let isHeld = storage.lockHolder(file) != nil
    let identity = StoreOwner(readFrom: file, storage: storage)
    guard identity != state.identity || isHeld != state.owner.isThere else { return false }
    state.identity = identity
    for queue in state.queues { queue.forgetOwner() }
    guard isHeld else {
      state.owner = .none
      return true
    }
    state.owner = .hidden
    if let identity, identity.pageDescriptor >= 0,
      let page = SharedPage(of: identity.process, descriptor: identity.pageDescriptor, root: root)
    {
      state.owner = .shared(page)
    }
    return true
  }
}
