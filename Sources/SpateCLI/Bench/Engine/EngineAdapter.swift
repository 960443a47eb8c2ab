@_spi(FaultInjection) import Spate

// The one file that calls the engine.

typealias EngineLevel = DurabilityLevel

/// Where a cursor begins.
enum EngineStart: Sendable {
  case earliest
  case latest
}

/// A store of the engine.
struct EngineStore: Sendable {
  private let store: Store
  private let syncs: Bool

  /// Makes the store or recovers it.
  static func open(at path: String, settings: EngineStoreSettings = EngineStoreSettings()) throws
    -> EngineStore
  {
    var options = StoreOptions()
    options.memoryBudgetByteCount = settings.memoryBudgetByteCount
    if settings.isBuffered { options.fileMode = .buffered }
    guard let stall = settings.stall else {
      return EngineStore(store: try Store.open(at: path, options: options), syncs: settings.syncs)
    }
    let store = try Store.open(at: path, options: options) { _ in
      stall.hold()
      return 0
    }
    return EngineStore(store: store, syncs: settings.syncs)
  }

  /// Makes the queue or recovers it.
  func queue(named name: String, settings: EngineQueueSettings = EngineQueueSettings()) throws
    -> EngineQueue
  {
    var options = QueueOptions()
    options.retention.maximalByteCount = settings.retainedByteCount
    if !syncs { options.syncIntervalNanoseconds = 3_600_000_000_000 }
    return EngineQueue(queue: try store.queue(named: name, options: options))
  }

  /// Syncs that the medium acknowledged.
  var syncCount: UInt64 { store.statistics.syncCount }

  /// Makes everything durable and gives the lock back.
  func close() throws { try store.close() }

  /// How the store talks to the disk.
  var description: String { "\(store.ioDescription)" }
}

/// A queue of the engine.
struct EngineQueue: Sendable {
  fileprivate let queue: Queue

  /// Appends one record.
  @inline(__always)
  func append(_ payload: RawSpan, level: EngineLevel) throws(SpateError) -> UInt64 {
    try queue.append(payload, level: level)
  }

  /// Appends a batch at `published` and returns its last sequence.
  @inline(__always)
  func append(_ batch: borrowing EngineBatch) throws(SpateError) -> UInt64 {
    try queue.append(batch.records, level: .published).upperBound &- 1
  }

  /// Waits until a record is at a level.
  func wait(for sequence: UInt64, level: EngineLevel) throws {
    try queue.wait(for: sequence, level: level, until: nil)
  }

  /// Opens a named cursor, or makes it without waiting for the disk, and lets go of it.
  func makeCursor(named name: String) throws {
    var options = NamedCursorOptions()
    options.creationLevel = .published
    _ = try queue.cursor(named: name, options: options)
  }

  /// Acknowledges one record after the other by a named cursor: at full speed, or so many a second.
  func acknowledge(_ sequences: Range<UInt64>, named name: String, perSecond rate: Int?) throws {
    let cursor = try queue.cursor(named: name)
    let start = MonotonicClock.now
    for sequence in sequences {
      try cursor.acknowledge(through: sequence)
      // A look at the clock costs as much as an acknowledgement: one for a hundred.
      guard let rate, sequence % 100 == 99 else { continue }
      MonotonicClock.sleep(until: start + (sequence + 1) * 1_000_000_000 / UInt64(rate))
    }
  }

  /// What the queue has done.
  var statistics: QueueStatistics { queue.statistics }

  /// The sequence after the last durable record.
  var durableSequence: UInt64 { queue.durableSequence }

  /// A cursor without a name.
  func cursor(from start: EngineStart, following level: EngineLevel) throws -> EngineCursor {
    EngineCursor(cursor: try queue.cursor(from: start == .earliest ? .earliest : .latest, following: level))
  }
}

/// Records that are appended together.
struct EngineBatch: ~Copyable {
  fileprivate var records = RecordBatch()

  /// An empty batch.
  init() {}

  /// Makes it a batch of `count` records with these bytes; what was in it before is gone.
  mutating func fill(with payload: RawSpan, count: Int) throws(SpateError) {
    records.removeAll()
    for _ in 0..<count { try records.append(payload) }
  }
}

/// A cursor of the engine.
struct EngineCursor: ~Copyable {
  private var cursor: Cursor
  /// The read-only opening that the cursor came from: it closes with the last reference.
  private var store: ReadOnlyStore?

  fileprivate init(cursor: consuming Cursor, store: ReadOnlyStore? = nil) {
    self.cursor = cursor
    self.store = store
  }

  /// As ``read(atMost:waitingSeconds:)``; a cursor that fell behind what is kept goes on at the end.
  mutating func readOrCatchUp(atMost limit: Int, waitingSeconds: Double) throws -> EngineReading {
    do { return try read(atMost: limit, waitingSeconds: waitingSeconds) } catch let error as SpateError {
      guard error.code == .outOfRange else { throw error }
      try cursor.seek(to: .latest)
      return EngineReading()
    }
  }

  /// Reads what is there, up to a bound; waits for a record when there is none.
  mutating func read(atMost limit: Int, waitingSeconds: Double) throws -> EngineReading {
    var reading = EngineReading()
    while reading.records < limit {
      guard let record = try cursor.next() else { break }
      reading.add(record.payload)
    }
    if reading.records == 0, waitingSeconds > 0 {
      if let record = try cursor.next(until: .now + .seconds(waitingSeconds)) {
        reading.add(record.payload)
      }
    }
    return reading
  }

  /// A cursor at the end of a queue of a store that is opened read-only. The store is closed with the last cursor.
  static func readOnly(at path: String, queue: String) throws -> EngineCursor {
    let store = try ReadOnlyStore.open(at: path)
    return EngineCursor(cursor: try store.queue(named: queue).cursor(from: .latest), store: store)
  }

  /// Reads one record, waiting for it; its sequence and its first eight bytes.
  mutating func readStamp(waitingSeconds: Double) throws -> (sequence: UInt64, stamp: UInt64)? {
    if let record = try cursor.next() { return Self.stamp(of: record) }
    guard waitingSeconds > 0 else { return nil }
    guard let record = try cursor.next(until: .now + .seconds(waitingSeconds)) else { return nil }
    return Self.stamp(of: record)
  }

  private static func stamp(of record: borrowing Record) -> (sequence: UInt64, stamp: UInt64) {
    let stamp = unsafe record.payload.withUnsafeBytes { unsafe $0.loadUnaligned(as: UInt64.self) }
    return (record.sequence, stamp)
  }

  /// Takes the next record, waiting for it, and has it in hands while `body` runs.
  mutating func holdOne(while body: () -> Void) throws {
    guard let record = try cursor.next(until: .now + .seconds(10)) else {
      throw CommandFailure.failed("no record came to hold")
    }
    let count = record.payload.byteCount
    body()
    // The view is used after the body, so it is lent for the whole time.
    guard record.payload.byteCount == count else {
      throw CommandFailure.failed("a lent record has changed; please report this")
    }
  }
}
