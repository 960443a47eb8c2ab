@testable import Spate

// Who takes the next turn.
extension Simulation {
  private var engine: Engine? { store?.engine }

  /// The committer's, or that of a thread which waits. Returns whether it got on.
  func committerTurn() -> Bool {
    guard let committer = engine?.committer, !actors.contains(.committer),
      !committer.hasEnded.load(ordering: .relaxed)
    else { return false }
    actors.append(.committer)
    defer { actors.removeLast() }
    if storage.queue?.writesAtOnce == true, committer.inFlightByteCount == 0, random.chance(30) {
      let before = storage.queue?.inFlightCount
      defer {
        if storage.queue?.inFlightCount ?? 0 > before ?? 0 {
          disk.violations.append("a thread that waits left something in flight")
        }
      }
      let moved = committer.assistingRound()
      committer.wakeCovered()
      return moved
    }
    switch committer.turn() {
    case .worked, .ended: return true
    case .waiting: return false
    case .quiet: return committer.settle()
    }
  }

  /// The housekeeper's, unless somebody below holds what it needs. Returns whether it got on.
  func housekeeperTurn() -> Bool {
    guard let housekeeper = engine?.housekeeper, !actors.contains(.housekeeper), !actors.contains(.user),
      !housekeeper.hasEnded.load(ordering: .relaxed)
    else { return false }
    actors.append(.housekeeper)
    defer { actors.removeLast() }
    if case .quiet = housekeeper.turn() { return false }
    return true
  }

  /// The device's.
  func deviceTurn() -> Bool {
    disk.settleOrphans()
    guard let queue = storage.queue, queue.isBusy else { return false }
    queue.progress()
    return true
  }

  /// Somebody's, while somebody waits.
  func takeTurn() -> Bool {
    // Whoever waits holds no lock that the housekeeper takes, but those that it only tries.
    let below = actors
    actors = actors.filter { $0 != .user }
    defer { actors = below }
    switch random.below(8) {
    case 0, 1: if committerTurn() { return true }
    case 2: if housekeeperTurn() { return true }
    case 3, 4: if deviceTurn() { return true }
    case 5: produceBeside()
    default: break
    }
    if committerTurn() || deviceTurn() { return true }
    return housekeeperTurn()
  }

  /// Somebody's, between two operations on the disk.
  func yieldOnDisk() {
    guard storage.isAlive, store != nil, actors.count < 4, random.chance(20) else { return }
    if actors.isEmpty || actors.last == .housekeeper { actors.append(.user) } else { actors.append(.reader) }
    defer { actors.removeLast() }
    switch random.below(6) {
    case 0, 1: _ = committerTurn()
    case 2: _ = deviceTurn()
    case 3: _ = housekeeperTurn()
    case 4: produceBeside()
    default: readBeside()
    }
    world.advance(random.within(10...20_000))
  }

  /// A producer that is on another thread than whoever works now.
  private func produceBeside() {
    guard storage.isAlive, let open = anyQueue() else { return }
    produce(to: open, isSimple: true)
  }

  private func readBeside() {
    guard storage.isAlive, let open = anyQueue(), let reader = open.readers.first, !reader.isBusy else {
      return
    }
    read(with: reader, of: open)
  }

  func anyQueue() -> SimulatedQueue? { queues.isEmpty ? nil : queues[random.below(queues.count)] }
}
