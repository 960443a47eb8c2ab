/// What was acknowledged, and what of it the log holds: by sequence and content, record for record.
///
/// Note every acknowledged batch, then check every record of the log in order, then ask for the ``result``.
struct DemoLedger {
  /// What came of the check.
  struct Result: Equatable, Sendable {
    /// Records that were acknowledged as durable.
    var acknowledgedCount: UInt64 = 0
    /// Acknowledged records that are not at their sequence.
    var missingCount: UInt64 = 0
    /// Records whose bytes are not those that their producer appended under that key, or that have no such key.
    var changedCount: UInt64 = 0
    /// Records that are in the log once more: appended again since nobody knew whether they were.
    var duplicateCount: UInt64 = 0
    /// Records of the log that were in doubt when the child was killed: appended, but not acknowledged.
    var unacknowledgedCount: UInt64 = 0
    /// Records of the log.
    var storedCount: UInt64 = 0

    /// Whether every acknowledged record is there as it was appended, and nothing else was found.
    var isWhole: Bool { missingCount == 0 && changedCount == 0 }
  }

  /// Above the number of every record that a producer appends.
  private let numberLimit: UInt64
  private var batches: [DemoBatch] = []
  private var isSorted = true
  /// The batch that the next record belongs to, or comes before.
  private var index = 0
  private var matchedCount: UInt64 = 0
  private var nextSequence: UInt64 = 0
  /// Which numbers of each producer the log holds; a bit each.
  private var seen: [[UInt64]]
  /// For each producer the number that all before were acknowledged: where to go on after a restart.
  private(set) var nextNumbers = [UInt64](repeating: 0, count: Int(DemoPlan.producerCount))
  private var found = Result()
  private var expected: [UInt8] = []

  /// A ledger of nothing. Every number of a record must be below the limit.
  init(numberLimit: UInt64) {
    self.numberLimit = numberLimit
    let words = [UInt64](repeating: 0, count: Int(numberLimit / 64 + 1))
    seen = [[UInt64]](repeating: words, count: Int(DemoPlan.producerCount))
  }

  /// Notes a batch that was acknowledged.
  mutating func note(_ batch: DemoBatch) {
    isSorted = isSorted && batch.firstSequence >= batches.last?.endSequence ?? 0
    batches.append(batch)
    found.acknowledgedCount += batch.count
    let producer = Int(batch.producer)
    if batch.firstNumber <= nextNumbers[producer] {
      nextNumbers[producer] = max(nextNumbers[producer], batch.firstNumber + batch.count)
    }
  }

  /// Brings the batches into the order of the log. Before the first check.
  mutating func beginChecking() {
    if !isSorted { batches.sort { $0.firstSequence < $1.firstSequence } }
    isSorted = true
  }

  /// Checks the next record of the log, against what `records` says that it must be.
  mutating func check(sequence: UInt64, key: RawSpan, payload: RawSpan, records: DemoRecords) {
    found.storedCount += 1
    // A log that goes back has the record at two places; the second one proves nothing.
    guard sequence >= nextSequence else {
      found.changedCount += 1
      return
    }
    nextSequence = sequence + 1
    while index < batches.count, batches[index].endSequence <= sequence { index += 1 }
    let batch = index < batches.count && batches[index].firstSequence <= sequence ? batches[index] : nil
    guard let key = DemoKey(key), key.producer < DemoPlan.producerCount, isUnchanged(payload, key, records)
    else {
      found.changedCount += 1
      return
    }
    if noteSeen(key) { found.duplicateCount += 1 }
    guard let batch else {
      found.unacknowledgedCount += 1
      return
    }
    if key.producer == batch.producer, key.number == batch.firstNumber + sequence - batch.firstSequence {
      matchedCount += 1
    }
  }

  /// What was found, once every record was checked.
  var result: Result {
    var result = found
    result.missingCount = found.acknowledgedCount - matchedCount
    return result
  }

  private mutating func isUnchanged(_ payload: RawSpan, _ key: DemoKey, _ records: DemoRecords) -> Bool {
    guard key.number < numberLimit else { return false }
    expected.removeAll(keepingCapacity: true)
    records.append(producer: key.producer, number: key.number, to: &expected)
    guard payload.byteCount == expected.count else { return false }
    return unsafe payload.withUnsafeBytes { stored in
      unsafe expected.withUnsafeBytes { wanted in unsafe stored.elementsEqual(wanted) }
    }
  }

  /// Notes that the log holds a record. True when it was seen before.
  private mutating func noteSeen(_ key: DemoKey) -> Bool {
    let producer = Int(key.producer)
    let word = Int(key.number / 64)
    let bit = UInt64(1) << (key.number % 64)
    defer { seen[producer][word] |= bit }
    return seen[producer][word] & bit != 0
  }
}
