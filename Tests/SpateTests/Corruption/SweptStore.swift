import Testing

@testable import Spate

/// A store that the engine wrote and closed, with all that was appended to it: what a sweep damages, and compares with.
///
///     several segments of 16 KiB: single records with keys, batches, abandoned claims, a transaction, metadata,
///     acknowledgements of a named cursor; closed and opened in between
struct SweptStore {
  /// What was appended under one sequence.
  struct Record: Equatable {
    var payload: [UInt8]
    var key: [UInt8]
  }

  static let queueName = "q"
  static let directory = StoreLayout.directory(ofQueue: queueName)
  static let cursorName = "billing"

  static var options: StoreOptions {
    var options = StoreOptions()
    options.minimalSegmentByteCount = 16384
    options.maximalSegmentByteCount = 16384
    options.memoryBudgetByteCount = 4 << 20
    return options
  }

  /// The queue's files, by their paths in the store.
  private(set) var files: [String: [UInt8]] = [:]
  /// Every record, by its sequence.
  private(set) var records: [UInt64: Record] = [:]
  /// The sequences of batches of more than one record.
  private(set) var batches: [Range<UInt64>] = []
  /// The sequence after the last record.
  private(set) var endSequence: UInt64 = 0
  /// Everything below this was acknowledged by the named cursor.
  private(set) var acknowledged: UInt64 = 0

  /// Makes the store in `scratch` and closes it.
  init(in scratch: IOScratch) throws {
    for part in 0..<2 {
      let store = try Store.open(at: scratch.path, options: Self.options)
      let queue = try store.queue(named: Self.queueName)
      let cursor = try queue.cursor(named: Self.cursorName)
      for step in (part * 40)..<(part * 40 + 40) { try append(step, to: queue) }
      try commit(part, to: queue, cursor)
      try store.close()
    }
    let storage = try SystemStorage(root: scratch.path, readOnly: true)
    for name in try storage.contents(ofDirectory: Self.directory) {
      let path = Self.directory + "/" + name
      if try storage.kind(of: path) == .file { files[path] = try storage.bytes(of: path) }
    }
  }

  /// The segment files that hold something, in the order of the log.
  var segments: [String] {
    files.filter { $0.key.hasSuffix(Format.segmentSuffix) && $0.value[Format.useSectorOffset + 8] == 1 }.keys
      .sorted()
  }

  /// A copy in memory.
  var storage: MemoryStorage {
    let storage = MemoryStorage()
    storage.state.withLock { state in
      state.files = files
      state.directories = ["", StoreLayout.queuesName, Self.directory]
      state.maximalFileByteCount = 1 << 24
    }
    return storage
  }

  private mutating func append(_ step: Int, to queue: Queue) throws {
    switch step % 10 {
    case 3:
      var batch = RecordBatch()
      let members = (0..<4).map { member in record(step * 10 + member, 60 + step * 3) }
      for member in members { try add(member) { try batch.append($0, key: $1) } }
      let range = try queue.append(batch)
      for (sequence, member) in zip(range, members) { records[sequence] = member }
      batches.append(range)
      endSequence = range.upperBound
    case 7:
      try queue.claim(byteCount: 30 + step).abandon()
      endSequence += 1
    default:
      let one = record(step * 10, step % 3 == 0 ? 500 : 40 + step)
      try add(one) { payload, key in endSequence = try queue.append(payload, key: key) + 1 }
      records[endSequence - 1] = one
    }
  }

  /// A transaction: a record, an acknowledgement and a value, in one step.
  private mutating func commit(_ part: Int, to queue: Queue, _ cursor: borrowing NamedCursor) throws {
    let one = record(9000 + part, 90)
    var transaction = Transaction()
    try add(one) { try transaction.append($0, key: $1) }
    try transaction.acknowledge(cursor, through: UInt64(part + 2))
    try transaction.setMetadata([UInt8(part)], named: "part")
    let range = try queue.commit(transaction)
    records[range.lowerBound] = one
    endSequence = range.upperBound
    acknowledged = UInt64(part + 3)
  }

  private func record(_ number: Int, _ byteCount: Int) -> Record {
    Record(
      payload: CursorFixture.payload(number, byteCount),
      key: number % 3 == 0 ? [] : CursorFixture.payload(number, number % 9)
    )
  }

  private func add(_ record: Record, _ body: (RawSpan, RawSpan) throws -> Void) throws {
    // SAFETY: the arrays outlive the call.
    try unsafe body(record.payload.span.bytes, record.key.span.bytes)
  }
}
