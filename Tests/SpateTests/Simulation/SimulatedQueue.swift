@testable import Spate

/// An open queue of a simulation, with those who use it.
final class SimulatedQueue {
  /// The handle of the newest fencing epoch that somebody was given.
  private(set) var queue: Queue
  /// Handles of those who were replaced.
  private(set) var former: [Queue] = []
  let model: QueueModel
  var claims: [OpenClaim] = []
  var readers: [SimulatedReader] = []
  var named: [String: SimulatedNamedReader] = [:]
  var batches: [HeldBatch] = []

  init(_ queue: Queue, _ model: QueueModel) {
    self.queue = queue
    self.model = model
  }

  /// Goes on with a handle of a newer epoch; the one before stays with who had it.
  func replace(with newer: Queue) {
    former = former.suffix(2) + [queue]
    queue = newer
  }
}

/// A claim that a producer holds.
final class OpenClaim {
  private var claim: Claim?
  let sequence: UInt64
  let record: SimulatedRecord

  init(_ claim: consuming Claim, _ record: SimulatedRecord) {
    sequence = claim.sequence
    self.claim = consume claim
    self.record = record
  }

  /// Fills and publishes it. False when the committer had given it up.
  func publish() throws -> Bool {
    guard var claim = claim.take() else { return false }
    var bytes = claim.bytes
    for (index, byte) in record.payload.enumerated() {
      bytes.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
    }
    do {
      try claim.publish(level: .published)
      return true
    } catch {
      if error.code == .expired { return false }
      throw error
    }
  }

  func abandon() {
    guard let claim = claim.take() else { return }
    claim.abandon()
  }
}

/// A batch that a consumer keeps: its records stay as they were.
struct HeldBatch {
  var batch: Batch
  var records: [(sequence: UInt64, record: SimulatedRecord)]

  init(_ batch: Batch, _ model: QueueModel) {
    self.batch = batch
    records = (0..<batch.count).compactMap { index in
      let sequence = batch.withRecord(at: index) { $0.sequence }
      return model[sequence].map { (sequence, $0.record) }
    }
  }

  /// Gives it back. Returns what is wrong with it.
  func release() -> String? {
    var wrong: String?
    for (index, known) in records.enumerated() where index < batch.count {
      let isSame = batch.withRecord(at: index) {
        $0.sequence == known.sequence && known.record.matches($0.payload)
      }
      if !isSame { wrong = "record \(known.sequence) changed while it was lent" }
    }
    batch.release()
    return wrong
  }
}

/// A consumer without a name, and what it must see next.
final class SimulatedReader {
  private var cursor: Cursor
  let level: DurabilityLevel
  private(set) var expected: UInt64
  var isBusy = false

  init(_ cursor: consuming Cursor, level: DurabilityLevel) {
    expected = cursor.sequence
    self.cursor = consume cursor
    self.level = level
  }

  /// Reads up to `limit` records. Returns what is wrong.
  func read(_ limit: Int, _ open: SimulatedQueue) throws(SpateError) -> String? {
    isBusy = true
    defer { isBusy = false }
    let model = open.model
    for _ in 0..<limit {
      guard let record = try cursor.next() else {
        return model[expected].map { $0.batch.lowerBound < expected } == true
          ? "a batch ended for a reader at \(expected)" : nil
      }
      if let wrong = model.judge(record, expected: expected, first: 0) { return wrong }
      if let wrong = SimulatedReader.judge(record.sequence, level, open.queue) { return wrong }
      expected = record.sequence + 1
    }
    return nil
  }

  /// Takes a batch. Returns what is wrong.
  func take(_ count: Int, _ open: SimulatedQueue) throws(SpateError) -> String? {
    isBusy = true
    defer { isBusy = false }
    guard let batch = try cursor.nextBatch(maximalCount: count) else { return nil }
    var wrong: String?
    batch.forEach { record in
      wrong = wrong ?? open.model.judge(record, expected: expected, first: 0)
      expected = record.sequence + 1
    }
    open.batches.append(HeldBatch(batch, open.model))
    return wrong
  }

  /// Goes on after the place was trimmed or truncated.
  func recover() {
    if (try? cursor.seek(to: .sequence(cursor.sequence))) == nil { try? cursor.seek(to: .earliest) }
    expected = cursor.sequence
  }

  /// Whether a record may be seen by who follows a level.
  static func judge(_ sequence: UInt64, _ level: DurabilityLevel, _ queue: Queue) -> String? {
    let marks = queue.core.watermarks
    return switch level {
    case .durable where sequence >= marks.durableSequence: "record \(sequence) was seen before it was durable"
    case .written where sequence >= marks.writtenSequence: "record \(sequence) was seen before it was written"
    default: nil
    }
  }
}

/// A consumer with a name, and what it must see next.
final class SimulatedNamedReader {
  private var cursor: NamedCursor
  let level: DurabilityLevel
  private(set) var expected: UInt64
  var isBusy = false

  init(_ cursor: consuming NamedCursor, level: DurabilityLevel) {
    expected = cursor.sequence
    self.cursor = consume cursor
    self.level = level
  }

  var acknowledged: UInt64 { cursor.acknowledgedSequence }

  /// Reads up to `limit` records. Returns what is wrong.
  func read(_ limit: Int, _ open: SimulatedQueue) throws(SpateError) -> String? {
    isBusy = true
    defer { isBusy = false }
    for _ in 0..<limit {
      guard let record = try cursor.next() else { return nil }
      let first = open.queue.core.firstSequence
      if let wrong = open.model.judge(record, expected: expected, first: first) { return wrong }
      if let wrong = SimulatedReader.judge(record.sequence, level, open.queue) { return wrong }
      expected = record.sequence + 1
    }
    return nil
  }

  /// Acknowledges everything below `end`.
  func acknowledge(below end: UInt64) throws(SpateError) { try cursor.acknowledge(through: end - 1) }

  /// Acknowledges everything below `end` with a transaction.
  func acknowledge(below end: UInt64, in transaction: inout Transaction) throws(SpateError) {
    try transaction.acknowledge(cursor, through: end - 1)
  }

  /// Returns once what was acknowledged is durable.
  func settle() throws(SpateError) { try cursor.hold.settle(.durable, until: -1) }

  /// Moves place and reading.
  func reset(to sequence: UInt64) throws(SpateError) {
    isBusy = true
    defer { isBusy = false }
    try cursor.reset(to: .sequence(sequence))
    expected = cursor.sequence
  }

  /// Goes on after the place was truncated.
  func recover() {
    if (try? cursor.seek(to: .sequence(cursor.sequence))) == nil { try? cursor.seek(to: .earliest) }
    expected = cursor.sequence
  }
}
