import Glibc

@testable import Spate
@testable import SpateCrashChild

/// Lives of a store on a disk whose power is cut again and again while it is used.
///
/// A cut leaves an image on a second disk, which is mounted, opened and compared with what was acknowledged before;
/// then appended to, cut once more, and its image, on a third disk, compared as well. The owner on the first disk
/// knows nothing of it. When a life ends the last image becomes the disk of the next.
final class PowerCutDriver {
  private let disks: VolatileDisks
  private let fileSystem: DiskFileSystem
  private let withoutSync: Bool
  private var random: SplitMix
  private var account = PowerCutAccount()
  private var life: UInt64 = 0
  /// The disks: of the owner, and for the two images.
  private var main = 0
  private var first = 1
  private var second = 2
  private var isFormatted = false
  private(set) var summary = PowerCutSummary()

  /// `withoutSync` takes the syncs out of the owner: losses are to be found then.
  init(on fileSystem: DiskFileSystem, seed: UInt64, withoutSync: Bool = false) throws {
    self.fileSystem = fileSystem
    self.withoutSync = withoutSync
    random = SplitMix(state: seed)
    disks = try VolatileDisks(count: 3, seed: random.next())
  }

  /// Lives on until so many cuts were made, or with `untilFirstFailure` one of them showed a loss.
  func run(cutCount: Int, untilFirstFailure: Bool = false) {
    while summary.unsynced.count < cutCount {
      do {
        try live(cutCount: min(cutCount - summary.unsynced.count, Int(1 + random.next() % 10)))
      } catch {
        fail("\(error)")
        isFormatted = false
      }
      for disk in 0..<3 {
        try? disks.delay(disk, writeMicroseconds: 0, syncMicroseconds: 0)
        try? disks.unmount(disk)
      }
      if untilFirstFailure, !summary.failures.isEmpty { return }
    }
  }

  private func fail(_ text: String) {
    summary.failures.append("\(fileSystem), life \(life), cut \(summary.unsynced.count): \(text)")
  }

  /// One owner, and some cuts in it.
  private func live(cutCount: Int) throws {
    if !isFormatted || random.next() % 4 == 0 {
      try disks.format(main, as: fileSystem)
      isFormatted = true
      account = PowerCutAccount()
    }
    try disks.mount(main, as: fileSystem)
    // What a slow disk has not synced yet is at stake.
    try disks.delay(
      main,
      writeMicroseconds: [0, 0, 50, 300][Int(random.next() % 4)],
      syncMicroseconds: [0, 300, 2_000, 12_000][Int(random.next() % 4)]
    )
    life += 1
    account.lives.insert(life)
    let child = try ChildProcess(
      ["work"] + arguments(path: disks.path(main)),
      environment: withoutSync ? ["LD_PRELOAD=\(disks.tools.noSync)"] : []
    )
    if random.next() % 4 != 0 { _ = child.firstLine() }
    for number in 1...cutCount {
      usleep(UInt32(random.next() % 150_000))
      account.note(child.takeLines())
      let known = account
      let cut = try disks.cut(main, to: first, seed: random.next())
      summary.note(cut)
      child.drain()
      account.note(child.takeLines())
      let last = try examine(cut, known: known)
      if child.hasEnded {
        fail("the owner ended by itself")
        isFormatted = false
        break
      }
      if number == cutCount {
        _ = child.kill()
        try disks.delay(main, writeMicroseconds: 0, syncMicroseconds: 0)
        try disks.unmount(main)
        (main, second) = (second, main)
        account = last
      }
    }
    _ = child.kill()
  }

  /// Looks at the image of a cut, appends to it, cuts it again and looks at that image; returns what is known of it.
  private func examine(_ cut: VolatileDisks.Cut, known: PowerCutAccount) throws -> PowerCutAccount {
    life += 1
    var branch = try compare(on: first, known, later: account) { store, account in
      try self.append(to: store, &account)
      _ = try self.disks.cut(self.first, to: self.second, seed: self.random.next())
    }
    branch = try compare(on: second, branch, later: branch) { _, _ in }
    return branch
  }

  /// Mounts an image, opens the store, compares it and lets `body` go on with it; returns what is known then.
  private func compare(
    on disk: Int,
    _ known: PowerCutAccount,
    later: PowerCutAccount,
    body: (Store, inout PowerCutAccount) throws -> Void
  ) throws -> PowerCutAccount {
    try disks.mount(disk, as: fileSystem)
    summary.openedCount += 1
    var account = later
    do {
      let arguments = ChildArguments(arguments(path: disks.path(disk)))
      let store = try Store.open(at: arguments.path, options: arguments.storeOptions)
      let (logs, checkedCount, complaints) = try known.compare(store, later: later)
      summary.checkedCount += checkedCount
      for complaint in complaints { fail(complaint) }
      // What it shows is there for good; what it does not show never was.
      account.durable = logs.mapValues { $0.seen }
      for place in try store.queue(named: "b").namedCursors {
        account.settled[place.name] = place.acknowledgedSequence
        account.delivered[place.name] = max(place.acknowledgedSequence, logs["b"]?.end ?? 0)
      }
      try body(store, &account)
      try store.close()
    }
    try disks.unmount(disk)
    return account
  }

  private func append(to store: Store, _ account: inout PowerCutAccount) throws {
    account.lives.insert(life)
    for name in ["a", "b"] {
      let queue = try store.queue(named: name)
      for number in 1...UInt64(1 + random.next() % 8) {
        let payload = CrashRecord.payload(life: life, producer: 0, number: number, byteCount: 100)
        account.durable[name]?[try queue.append(payload)] = CrashRecord.hash(payload)
      }
    }
    let queue = try store.queue(named: "b")
    for place in queue.namedCursors where place.name != Mover.cursor && random.next() % 2 == 0 {
      let cursor = try queue.openCursor(place.name)
      let end = queue.durableSequence
      let through = place.acknowledgedSequence + random.next() % (end - place.acknowledgedSequence)
      account.delivered[place.name] = end
      try cursor.acknowledge(through: through, waitingFor: .durable)
      account.settled[place.name] = through + 1
    }
    try move(in: store, &account)
  }

  /// One transaction, should the cursor be there yet.
  private func move(in store: Store, _ account: inout PowerCutAccount) throws {
    let source = try store.queue(named: "b")
    guard source.namedCursors.contains(where: { $0.name == Mover.cursor }) else { return }
    let cursor = try source.openCursor(Mover.cursor)
    let destination = try store.queue(named: "c")
    let end = source.durableSequence
    let payload = CrashRecord.payload(life: life, producer: 9, number: 1, byteCount: 64)
    var transaction = Transaction()
    try transaction.append(payload)
    try transaction.acknowledge(cursor, through: end - 1)
    try transaction.setMetadata(Mover.note(life: life, number: 1, end: end), named: Mover.note)
    account.delivered[Mover.cursor] = end
    let sequences = try destination.commit(transaction)
    account.durable["c"]?[sequences.lowerBound] = CrashRecord.hash(payload)
    account.settled[Mover.cursor] = end
  }

  private func arguments(path: String) -> [String] {
    let way = IOWay.all[Int(random.next() % UInt64(IOWay.all.count))]
    return [
      "path=\(path)/store", "seed=\(random.next() >> 1)", "life=\(life)",
      "strategy=\(way.strategy == .ioUring ? "ioUring" : "systemCalls")",
      "mode=\(way.mode == .direct ? "direct" : "buffered")",
      "segment=\((64 << 10) << (random.next() % 3))", "largestSegment=\(1 << 20)",
    ]
  }
}
