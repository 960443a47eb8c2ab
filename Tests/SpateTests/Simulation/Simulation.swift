import CSpate

@testable import Spate

/// One run of the whole engine on a ``SimulatedDisk``, decided by a seed: lives of a store, each ended by a power
/// cut, a kill or a close, and after each everything that was promised is asked for.
///
/// One thread. Producers, consumers, committer, housekeeper and device take turns; between two operations of whoever
/// works on the disk others may take theirs.
final class Simulation {
  /// What a run found to be wrong.
  struct Failure: Error, CustomStringConvertible {
    var seed: UInt64
    var step: Int
    var messages: [String]

    var description: String {
      "seed \(seed), step \(step): \(messages.joined(separator: "; ")). Replay with SPATE_SEED=\(seed)"
    }
  }

  /// Who works on the disk or waits, on the stack of this thread.
  enum Actor {
    case user, reader, committer, housekeeper
  }

  let seed: UInt64
  let random: SeededRandom
  let world: SimulatedWorld
  let disk: SimulatedDisk
  let options: StoreOptions
  let queueOptions: QueueOptions
  var storage: SimulatedStorage
  var store: Store?
  var queues: [SimulatedQueue] = []
  var models: [String: QueueModel] = [:]
  var dropped: Set<String> = []
  var actors: [Actor] = []
  var wrong: [String] = []
  var stepCount = 0
  var cutCount = 0
  /// Whether a bit was turned over: then the run ends with what that leaves.
  var isDamaged = false
  /// The file and place of that bit.
  var damagedPlace: (path: String, offset: Int) = ("", 0)
  var identity: UInt64 = 0
  /// Told of all that happens, for who looks on.
  var log: ((String) -> Void)?

  init(seed: UInt64, queueOptions: QueueOptions? = nil) {
    self.seed = seed
    random = SeededRandom(seed: seed &* 0x2545_F491_4F6C_DD1D &+ 1)
    world = SimulatedWorld(random: random)
    disk = SimulatedDisk(random: random)
    storage = SimulatedStorage(disk)
    var options = StoreOptions()
    options.memoryBudgetByteCount = 4 << 20
    options.maximalChunkByteCount = 4096 << random.below(4)
    options.minimalSegmentByteCount = 16384 << UInt64(random.below(2))
    options.maximalSegmentByteCount = options.minimalSegmentByteCount << UInt64(random.below(3))
    options.maximalClaimByteCount = 64 << 10
    options.claimDeadlineNanoseconds = 20_000_000
    self.options = options
    self.queueOptions = queueOptions ?? Simulation.queueOptions(random, options)
    world.hang = { [unowned self] in
      print(Failure(seed: seed, step: stepCount, messages: wrong + ["a wait does not end"]))
      fatalError("seed \(seed) hangs")
    }
    world.takeTurn = { [unowned self] in takeTurn() }
    disk.now = { [unowned world] in world.nanoseconds }
    disk.yield = { [unowned self] in yieldOnDisk() }
    disk.powerWent = { [unowned self] in powerWent() }
  }

  private static func queueOptions(_ random: SeededRandom, _ store: StoreOptions) -> QueueOptions {
    var options = QueueOptions()
    if random.chance(20) { options.baseSequence = UInt64(random.below(1 << 20)) }
    if random.chance(20) { options.syncIntervalNanoseconds = UInt64(random.within(1...200)) * 1_000_000 }
    if random.chance(20) { options.retention.minimalByteCount = 4 * store.minimalSegmentByteCount }
    if random.chance(20) {
      options.retention.maximalByteCount = 6 * store.minimalSegmentByteCount
      options.retention.evictsUnacknowledged = random.chance(50)
    }
    if random.chance(15) { options.quotaByteCount = 8 * store.minimalSegmentByteCount }
    return options
  }

  // MARK: A run

  /// Runs all lives. Throws a ``Failure`` when something that was promised does not hold.
  func run() throws {
    try run { simulation in try simulation.runLives() }
  }

  /// Runs `body` on an open store and closes that afterwards.
  func run(_ body: (Simulation) throws -> Void) throws {
    try world.run {
      do {
        try begin(isCalm: true)
        try body(self)
        try end(isLast: true)
      } catch {
        storage.end()
        letGo()
        throw error
      }
    }
  }

  private func runLives() throws {
    let lives = random.within(2...5)
    for _ in 0..<lives {
      let isShort = random.chance(20)
      let steps = isShort ? random.below(6) : random.within(10...90)
      planFaults()
      for _ in 0..<steps {
        try step()
        if !storage.isAlive { break }
      }
      try end(isLast: false)
      try begin()
    }
    disk.operationsUntilCut = nil
    guard random.chance(30) else { return }
    try end(isLast: random.chance(50))
    isDamaged = damage()
    try begin(isCalm: true)
  }

  /// Takes a turn at the top, and stops when something is wrong.
  private func step() throws {
    stepCount += 1
    world.advance(random.within(100...50_000))
    act()
    try check()
  }

  func check() throws {
    wrong += disk.violations
    disk.violations = []
    if !wrong.isEmpty { throw Failure(seed: seed, step: stepCount, messages: wrong) }
  }

  /// Decides what goes wrong in this life, and when.
  private func planFaults() {
    disk.faults.shortPercent = random.chance(30) ? 30 : 0
    disk.faults.interruptedPercent = random.chance(20) ? 20 : 0
    disk.faults.losesWholeCache = random.chance(50)
    switch random.below(10) {
    case 0: disk.faults.failingWrite = random.below(60)
    case 1: disk.faults.failingSync = random.below(20)
    case 2, 3:
      disk.faults.fullUntilNanoseconds = world.nanoseconds + UInt64(random.within(1...1500)) * 1_000_000
      disk.faults.fullRefusesWrites = random.chance(30)
    default: break
    }
    if random.chance(60) { disk.operationsUntilCut = random.below(random.chance(30) ? 12 : 200) }
  }

  /// Ends a life: by a power cut, unless one came before, by a kill, or by a close.
  func end(isLast: Bool) throws {
    if storage.isAlive, isLast || random.chance(25) {
      disk.operationsUntilCut = nil
      try close()
      return
    }
    if storage.isAlive {
      if random.chance(35) { kill() } else { cutPower() }
    } else {
      settleEnd()
    }
    try check()
  }

  func cutPower() {
    storage.end()
    powerWent()
    settleEnd()
  }

  /// The power went at an operation on the disk: what was promised by now counts.
  private func powerWent() {
    cutCount += 1
    observeAll()
    for open in queues { open.model.written = open.model.durable }
    note("power cut")
  }

  private func observeAll() {
    for open in queues {
      open.model.observe(open.queue)
      settleTransactions(into: open.model.name, below: open.model.durable)
    }
  }

  /// The owner of the store is no more; its memory goes.
  func settleEnd() {
    letGo()
    disk.restart()
  }

  func kill() {
    observeAll()
    storage.end()
    note("kill")
    letGo()
    disk.faults = SimulatedFaults()
    disk.operationsUntilCut = nil
  }

  /// Releases all that a process that has ended held. What it says now does not count.
  func letGo() {
    let all = queues
    queues = []
    for open in all {
      open.claims.removeAll()
      open.readers.removeAll()
      open.named.removeAll()
      open.batches.removeAll()
    }
    try? store?.close()
    store = nil
  }

  private func close() throws {
    note("close")
    let all = queues
    for open in all { releaseUsers(of: open) }
    queues = []
    let isHealthy = all.allSatisfy { $0.queue.core.watermarks.failure == nil }
    // Where there is no room, acknowledgements are given up, and delivered again.
    let isFull = world.nanoseconds < disk.faults.fullUntilNanoseconds
    do {
      try store?.close()
      for open in all where isHealthy && storage.isAlive {
        open.model.durable = max(open.model.durable, open.model.end)
        open.model.written = open.model.durable
        settleTransactions(into: open.model.name, below: open.model.durable)
      }
      for open in all where isHealthy && storage.isAlive && !isFull {
        for name in open.model.cursors.keys {
          guard let known = open.model.cursors[name], !known.isInDoubt else { continue }
          open.model.cursors[name]?.settle(known.memory)
        }
      }
    } catch {
      for open in all {
        open.model.observe(open.queue)
        settleTransactions(into: open.model.name, below: open.model.durable)
      }
      if isHealthy, storage.isAlive, disk.faults.failingWrite == nil, disk.faults.failingSync == nil {
        note("close failed: \(error)")
      }
    }
    store = nil
    try check()
    storage.end()
    disk.faults = SimulatedFaults()
  }

  private func releaseUsers(of open: SimulatedQueue) {
    for claim in open.claims {
      claim.abandon()
      open.model.settle(claim.sequence, claim.record, as: .abandoned)
    }
    for batch in open.batches { if let found = batch.release() { wrong.append(found) } }
    open.claims.removeAll()
    open.readers.removeAll()
    open.named.removeAll()
    open.batches.removeAll()
  }

  func note(_ text: @autoclosure () -> String) {
    if let log { log("\(stepCount) \(text())") }
  }
}
