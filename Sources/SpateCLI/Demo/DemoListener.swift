import Synchronization

/// Listens to one child on a thread of its own, until it is gone.
final class DemoListener {
  private final class Outcome: Sendable {
    let isOver = Atomic<Bool>(false)
    let isUnderstood = Atomic<Bool>(true)
  }

  private let outcome = Outcome()
  private let thread: WorkerThread

  init(child: OwnChild, journal: DemoJournal) throws {
    thread = try WorkerThread { [outcome, output = child.output] in
      outcome.isUnderstood.store(journal.receive(from: output), ordering: .relaxed)
      // ORDERING: release: whoever sees it sees what was understood.
      outcome.isOver.store(true, ordering: .releasing)
      journal.noteEnd()
    }
  }

  /// Whether the child said its last word.
  var isOver: Bool { outcome.isOver.load(ordering: .acquiring) }

  /// Whether everything that it said made sense.
  var isUnderstood: Bool { outcome.isUnderstood.load(ordering: .relaxed) }

  /// Waits for the child's last word.
  func join() { thread.join() }
}
