/// What a name stands for on a ``SimulatedDisk``.
enum SimulatedNode {
  case file(SimulatedFile)
  case directory(SimulatedDirectory)
}

/// One directory of a ``SimulatedDisk``: the names that are seen, and those on the medium.
///
/// Until the directory is synced, each change of it survives a power cut or does not, whatever became of the
/// others. A rename is one change, also across two directories.
final class SimulatedDirectory {
  /// A change that is not on the medium yet.
  final class Change {
    enum Step {
      case set(SimulatedDirectory, String, SimulatedNode)
      case clear(SimulatedDirectory, String)
    }

    let steps: [Step]
    var isSettled = false

    init(_ steps: [Step]) { self.steps = steps }
  }

  private(set) var names: [String: SimulatedNode] = [:]
  private var medium: [String: SimulatedNode] = [:]
  private var pending: [Change] = []

  subscript(name: String) -> SimulatedNode? { names[name] }

  /// Whether names wait for a sync.
  var hasUnsynced: Bool { pending.contains { !$0.isSettled } }

  /// Makes steps that are one change, seen at once.
  static func change(_ steps: [Change.Step]) {
    let change = Change(steps)
    var concerned: [SimulatedDirectory] = []
    for step in steps {
      switch step {
      case .set(let directory, let name, let node):
        directory.names[name] = node
        concerned.append(directory)
      case .clear(let directory, let name):
        directory.names[name] = nil
        concerned.append(directory)
      }
    }
    for (index, directory) in concerned.enumerated()
    where !concerned[..<index].contains(where: { $0 === directory }) {
      directory.pending.append(change)
    }
  }

  private static func settle(_ change: Change) {
    guard !change.isSettled else { return }
    change.isSettled = true
    for step in change.steps {
      switch step {
      case .set(let directory, let name, let node): directory.medium[name] = node
      case .clear(let directory, let name): directory.medium[name] = nil
      }
    }
  }

  /// The names are on the medium.
  func sync() {
    for change in pending { Self.settle(change) }
    pending.removeAll()
  }

  /// The power went. Settles this directory's changes; ``restart()`` follows for all.
  func cut(percent: Int, _ random: SeededRandom) {
    for change in pending where !change.isSettled {
      // What is lost stays lost: the other directory of a rename must not bring it back.
      if random.chance(percent) { Self.settle(change) } else { change.isSettled = true }
    }
    pending.removeAll()
  }

  /// What is seen after the power came back.
  func restart() { names = medium }
}
