import CSpate
import Synchronization

/// A store that somebody else owns, or nobody: its durable records can be read, and nothing is ever changed.
///
/// Any number of processes may read a store while its owner appends. They see durable records only, about
/// as soon as the owner's own cursors: the owner shares a page of memory in which it says how far each queue is
/// durable. They never hold it up: a segment that is being read is unlinked when it is trimmed instead of used
/// again, and its bytes stay until the last reader lets go of them. The owner may end and come back meanwhile.
///
/// Where the page cannot be reached, because the owner is another user's process or runs in another container, the
/// reader finds out from the files how far the log goes, ten times a second, and syncs them before it shows
/// what it found. The same is done once where nobody owns the store.
///
/// Safe to share between threads. One thread of its own sleeps until there is something new.
public final class ReadOnlyStore: Sendable {
  private struct State {
    var queues: [String: FollowedQueue] = [:]
    var isClosed = false
  }

  /// Where the store is.
  public let path: String
  private let storage: any Storage
  private let support = CursorSupport(pinLimit: 0)
  private let follower: StoreFollower
  private let state = Mutex(State())

  private init(path: String, storage: SystemStorage) {
    self.path = path
    self.storage = storage
    follower = StoreFollower(storage: storage, root: storage.rootDescriptor)
  }

  deinit { close() }

  /// Opens the store at `path`, which must exist, for reading. Takes no lock that anybody else could meet.
  ///
  /// - Throws: `notFound`, `wrongKind`, `permissionDenied`, `unsupportedFormat`.
  public static func open(at path: String) throws(SpateError) -> ReadOnlyStore {
    _ = try StoreLayout.examine(path, mayCreate: false)
    let storage = try SystemStorage(root: path, readOnly: true)
    guard try storage.kind(of: StoreLayout.queuesName) != nil else {
      throw SpateError(.notFound, "there is no store in this directory; check the path", path: path)
    }
    let store = ReadOnlyStore(path: path, storage: storage)
    try store.follower.start()
    return store
  }

  /// Whether somebody has the store open for appending, as of a moment ago.
  public var hasOwner: Bool { follower.hasOwner }

  /// The names of the queues that the store holds, sorted. Blocks on the disk.
  public var queueNames: [String] {
    get throws(SpateError) {
      try storage.contents(ofDirectory: StoreLayout.queuesName).filter(StoreLayout.isQueueName).sorted()
    }
  }

  /// Opens the queue with a name for reading. Blocks on the disk the first time; any thread.
  ///
  /// - Throws: `invalidArgument` for a bad name, `notFound`, `unsupportedFormat`, `corrupt` for a manifest that
  ///   cannot be read, `closed`, and what the disk says.
  public func queue(named name: String) throws(SpateError) -> ReadOnlyQueue {
    try StoreLayout.validate(queueName: name)
    let result: Result<FollowedQueue, SpateError> = state.withLock { state in
      if state.isClosed { return .failure(SpateError(.closed, "the store is closed; open it again")) }
      if let log = state.queues[name] { return .success(log) }
      do throws(SpateError) {
        let log = try FollowedQueue(name: name, storage: storage, support: support)
        try follower.add(log)
        state.queues[name] = log
        return .success(log)
      } catch {
        return .failure(error)
      }
    }
    return ReadOnlyQueue(log: try result.get(), follower: follower)
  }

  /// Closes the store. Blocks shortly. Cursors that wait get `closed`; views stay readable until released.
  /// Closing twice does nothing.
  public func close() {
    let logs: [FollowedQueue]? = state.withLock { state in
      guard !state.isClosed else { return nil }
      state.isClosed = true
      return Array(state.queues.values)
    }
    guard let logs else { return }
    follower.stop()
    for log in logs { log.watermarks.fail(SpateError(.closed, "the store was closed")) }
  }
}
