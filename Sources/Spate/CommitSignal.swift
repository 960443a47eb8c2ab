import CSpate
import Synchronization

/// Tells an event loop which queues of a store moved on: one event a commit, whatever it covers, and no call a
/// record.
///
/// ``fileDescriptor`` becomes readable when a queue's durable mark moved, its log was cut off, or it failed or was
/// dropped. Put it into epoll, poll or an io_uring of your own, level-triggered or edge-triggered, and call
/// ``take(atMost:)`` when it is readable. One a store; safe to share between threads.
///
/// What moved before the signal was asked for is not told: ask for the signal first, and look at the queues then.
public final class CommitSignal: Sendable {
  /// A queue that moved on.
  public struct Advance: Sendable {
    /// The queue.
    public let queue: Queue
    /// The sequence after its last durable record, when it was taken.
    public let durableSequence: UInt64
    /// Why nothing of the queue becomes durable any more; nil as long as it works.
    public let failure: SpateError?
  }

  private struct State {
    /// Queues that moved on and were not taken, each once.
    var listed: [QueueCore] = []
    /// Whether the descriptor was signalled and not cleared.
    var isReadable = false
    /// Whether the store was closed: nothing is listed any more.
    var isClosed = false
  }

  /// An eventfd, to be waited for and not to be read or closed by its user. Lives as long as this object.
  public let fileDescriptor: Int32
  private let state = Mutex(State())

  init() throws(SpateError) {
    fileDescriptor = spate_event_make()
    guard fileDescriptor >= 0 else {
      throw SpateError(
        .resourceExhausted,
        "no eventfd could be made; raise the limit of open files",
        systemErrorNumber: -fileDescriptor
      )
    }
  }

  deinit { spate_close(fileDescriptor) }

  /// Takes the queues that moved on since they were taken last, each once, in the order in which they first
  /// moved. Never blocks; any thread, each advance goes to one.
  ///
  /// The descriptor is no longer readable afterwards, unless more than `count` queues moved or one moves meanwhile.
  ///
  /// - Complexity: O(queues that moved).
  public func take(atMost count: Int = .max) -> [Advance] {
    let cores = state.withLock { state in
      let taken = Array(state.listed.prefix(max(0, count)))
      state.listed.removeFirst(taken.count)
      // Under the lock: a queue that is listed behind this is signalled behind it, too. Whoever is taken moves
      // on from what is read below.
      for core in taken { core.isListedAsAdvanced.store(false, ordering: .relaxed) }
      if state.listed.isEmpty, state.isReadable {
        state.isReadable = false
        spate_event_clear(fileDescriptor)
      }
      return taken
    }
    return cores.map { core in
      Advance(
        queue: Queue(core: core),
        durableSequence: core.watermarks.durableSequence,
        failure: core.watermarks.failure
      )
    }
  }

  /// Lists a queue, to be told with the next ``fire()``. The committer, or who changes a queue as a whole.
  func list(_ core: QueueCore) {
    state.withLock { state in
      // ORDERING: relaxed: changed under the lock only.
      guard !state.isClosed, !core.isListedAsAdvanced.exchange(true, ordering: .relaxed) else { return }
      state.listed.append(core)
    }
  }

  /// Forgets what is listed, for good: queues that nobody takes would keep their closed store alive.
  func close() {
    state.withLock { state in
      state.isClosed = true
      state.listed.removeAll()
    }
  }

  /// Makes the descriptor readable if a queue is listed. A system call at most once between two takes.
  func fire() {
    state.withLock { state in
      guard !state.listed.isEmpty, !state.isReadable else { return }
      state.isReadable = true
      spate_event_signal(fileDescriptor)
    }
  }
}

extension Store {
  /// The store's signal for event loops, made when it is asked for the first time. Any thread.
  ///
  /// - Throws: `resourceExhausted` when the process has no descriptor left.
  public func commitSignal() throws(SpateError) -> CommitSignal { try engine.commitSignals.get() }
}

/// A store's ``CommitSignal``, if somebody asked for it.
final class CommitSignalBox: Sendable {
  private let signal = Mutex<CommitSignal?>(nil)
  private let isThere = Atomic<Bool>(false)

  /// The signal, made the first time.
  func get() throws(SpateError) -> CommitSignal {
    let result: Result<CommitSignal, SpateError> = signal.withLock { signal in
      if let signal { return .success(signal) }
      do throws(SpateError) {
        let made = try CommitSignal()
        signal = made
        isThere.store(true, ordering: .releasing)
        return .success(made)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// The signal, where there is one. One load while there is none.
  var current: CommitSignal? {
    // ORDERING: acquire: who sees it may list what it did before.
    guard isThere.load(ordering: .acquiring) else { return nil }
    return signal.withLock { $0 }
  }
}
