import CSpate
import Glibc
import Synchronization

@testable import Spate

/// A store with segments of 16 KiB, so that a few records make many of them.
final class RetentionFixture {
  let scratch = IOScratch()
  var options = StoreOptions()
  var queueOptions = QueueOptions()
  private(set) var store: Store
  private(set) var queue: Queue
  private(set) var disk: FaultyStorage

  /// Records of 1000 bytes: seven or so fit a segment.
  static let recordByteCount = 1000

  init(
    configure: (inout StoreOptions) -> Void = { _ in },
    queue configureQueue: (inout QueueOptions) -> Void = { _ in }
  ) throws {
    options.memoryBudgetByteCount = 4 << 20
    options.minimalSegmentByteCount = 16 << 10
    options.maximalSegmentByteCount = 16 << 10
    configure(&options)
    configureQueue(&queueOptions)
    (store, disk) = try Self.open(scratch.path, options)
    queue = try store.queue(named: "events", options: queueOptions)
  }

  deinit {
    disk.onEachStep(nil)
    disk.heal()
    disk.resume()
    try? store.close()
  }

  static func open(_ path: String, _ options: StoreOptions) throws -> (Store, FaultyStorage) {
    var disk: FaultyStorage?
    let store = try Store.open(at: path, options: options) { real in
      let faulty = FaultyStorage(real)
      disk = faulty
      return faulty
    }
    return (store, disk!)
  }

  func reopen() throws {
    try store.close()
    (store, disk) = try Self.open(scratch.path, options)
    queue = try store.queue(named: "events", options: queueOptions)
  }

  /// Appends records with these numbers, durably.
  func append(_ numbers: Range<Int>) throws {
    for number in numbers {
      try queue.appendBlocking(CursorFixture.payload(number, Self.recordByteCount), level: .published)
    }
    if let last = numbers.last { try queue.wait(for: UInt64(last)) }
  }

  /// How many segment files stand in the queue's directory.
  var segmentCount: Int { Self.segmentCount(in: scratch.path) }

  static func segmentCount(in path: String) -> Int {
    let storage = try? SystemStorage(root: path, readOnly: true)
    return ((try? storage?.contents(ofDirectory: "queues/events")) ?? []).filter {
      Format.segmentNumber(inName: $0) != nil
    }.count
  }

  /// Takes a copy of the store before each step that changes its directory, until the disk is told otherwise.
  func copyAtEachStep() -> StepCopies {
    let copies = StepCopies()
    let path = scratch.path
    disk.onEachStep { step in
      if let copy = try? StoreCopy(of: path) { copies.add(step, copy) }
      return 0
    }
    return copies
  }

  /// Waits until a condition holds; false when it does not within half a minute.
  static func comes(_ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = spate_now_monotonic_ns() + 30_000_000_000
    while try !condition() {
      guard spate_now_monotonic_ns() < deadline else { return false }
      usleep(2_000)
    }
    return true
  }
}

/// What a kill before each of several steps would have left. Any thread.
final class StepCopies: @unchecked Sendable {
  // SAFETY: `all` is touched under the lock only.
  private var all: [(step: FaultyStorage.Step, copy: StoreCopy)] = []
  private let lock = Mutex(())

  func add(_ step: FaultyStorage.Step, _ copy: StoreCopy) { lock.withLock { _ in all.append((step, copy)) } }

  /// The copies so far.
  var taken: [(step: FaultyStorage.Step, copy: StoreCopy)] { lock.withLock { _ in all } }
}

/// Reads one record, checks its bytes, and returns its sequence; nil at the deadline.
func readNext(_ cursor: inout NamedCursor, until deadline: ContinuousClock.Instant?) throws -> UInt64? {
  guard let record = try cursor.next(until: deadline) else { return nil }
  let expected = CursorFixture.payload(Int(record.sequence), RetentionFixture.recordByteCount)
  guard CursorFixture.bytes(record.payload) == expected else { throw CursorFixture.Missing() }
  return record.sequence
}
