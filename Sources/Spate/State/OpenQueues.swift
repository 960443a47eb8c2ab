import Synchronization

/// The open queues of a store by their identifiers. Any thread.
final class OpenQueues: Sendable {
  private struct Entry: Sendable {
    // A queue that nobody uses any more is not kept by this.
    weak var core: QueueCore?
  }

  private let entries = Mutex<[QueueIdentifier: Entry]>([:])

  /// The open queue with an identifier.
  subscript(_ identifier: QueueIdentifier) -> QueueCore? {
    entries.withLock { $0[identifier]?.core }
  }

  /// All of them.
  var all: [QueueCore] { entries.withLock { $0.values.compactMap(\.core) } }

  /// Notes that a queue is open.
  func add(_ core: QueueCore) { entries.withLock { $0[core.identifier] = Entry(core: core) } }

  /// Forgets a queue that was dropped.
  func remove(_ identifier: QueueIdentifier) { entries.withLock { $0[identifier] = nil } }
}
