/// What a processor does with records in one atomic step: acknowledges them in their queues, appends what it made of
/// them to another queue, and keeps small values beside it. After a crash all of it has happened, or nothing.
///
/// Fill it, then commit it to the queue that gets the records, the *destination*, with
/// ``Queue/commit(_:level:until:)``. A buffer that grows; use it again after ``removeAll()``. One owner at a time.
///
/// ```swift
/// var transaction = Transaction()
/// while let batch = try orders.nextBatch(until: nil) {
///   try batch.forEach { order in try transaction.append(invoice(for: order)) }
///   try transaction.acknowledge(batch)
///   try invoices.commit(transaction)
///   transaction.removeAll()
///   batch.release()
/// }
/// ```
public struct Transaction: ~Copyable, Sendable {
  /// An acknowledgement by a cursor.
  struct Acknowledged: Sendable {
    let hold: CursorHold
    var sequence: UInt64
    let seenTruncations: UInt64
  }

  /// The most cursors in a transaction.
  public static let maximalCursorCount = 256
  /// The most bytes in a value of a queue's metadata.
  public static let maximalValueByteCount = 64 << 10
  /// The most bytes in a name of a queue's metadata, UTF-8.
  public static let maximalNameByteCount = 200

  private(set) var records = RecordBatch()
  private(set) var acknowledged: [Acknowledged] = []
  private(set) var changes: [QueueContent.Change] = []

  /// A transaction that does nothing yet.
  public init() {}

  /// Whether there is nothing to commit.
  public var isEmpty: Bool { records.count == 0 && acknowledged.isEmpty && changes.isEmpty }

  /// How many records will be appended.
  public var recordCount: Int { records.count }

  /// Bytes that those records take in the log, frame headers and padding included.
  public var recordByteCount: Int { records.byteCount }

  /// Forgets everything and keeps the memory for records.
  public mutating func removeAll() {
    records.removeAll()
    acknowledged.removeAll(keepingCapacity: true)
    changes.removeAll(keepingCapacity: true)
  }

  // MARK: Records

  /// Copies a record to the end of those that will be appended. As ``RecordBatch/append(_:)``.
  public mutating func append(_ payload: RawSpan) throws(SpateError) { try records.append(payload) }

  /// Copies a record with a key and headers. As ``RecordBatch/append(_:key:headers:timestamp:)``.
  public mutating func append(
    _ payload: RawSpan,
    key: RawSpan,
    headers: RawSpan = RawSpan(),
    timestamp: UInt64? = nil
  ) throws(SpateError) {
    try records.append(payload, key: key, headers: headers, timestamp: timestamp)
  }

  /// Copies the bytes of an array. As ``append(_:)``.
  public mutating func append(_ payload: [UInt8]) throws(SpateError) { try records.append(payload) }

  // MARK: Acknowledgements

  /// Acknowledges the record with `sequence` and all before it, for a cursor of any queue of the store. The place
  /// moves once the transaction is durable.
  ///
  /// - Throws: `tooLarge` with more than ``maximalCursorCount`` cursors; `outOfRange` for no sequence at all.
  public mutating func acknowledge(
    _ cursor: borrowing NamedCursor,
    through sequence: UInt64
  ) throws(SpateError) {
    guard sequence < .max else { throw SpateError(.outOfRange, "there is no record \(sequence)") }
    try add(
      Acknowledged(hold: cursor.hold, sequence: sequence + 1, seenTruncations: cursor.seenTruncations)
    )
  }

  /// Acknowledges the records of a batch and all before them, for the named cursor that it came from. As
  /// ``acknowledge(_:through:)``; the batch may be released before the commit.
  ///
  /// - Throws: `invalidArgument` for a batch of a cursor without a name.
  public mutating func acknowledge(_ batch: Batch) throws(SpateError) {
    try add(
      Acknowledged(
        hold: batch.namedHold(),
        sequence: batch.endSequence,
        seenTruncations: batch.seenTruncations
      )
    )
  }

  private mutating func add(_ one: Acknowledged) throws(SpateError) {
    if let index = acknowledged.firstIndex(where: { $0.hold === one.hold }) {
      // The oldest view of the log decides whether what was read still stands.
      acknowledged[index] = Acknowledged(
        hold: one.hold,
        sequence: max(one.sequence, acknowledged[index].sequence),
        seenTruncations: min(one.seenTruncations, acknowledged[index].seenTruncations)
      )
      return
    }
    guard acknowledged.count < Self.maximalCursorCount else {
      throw SpateError(.tooLarge, "a transaction moves at most \(Self.maximalCursorCount) cursors; split it")
    }
    acknowledged.append(one)
  }

  // MARK: Metadata

  /// Sets a value of the destination's metadata; an empty one removes the name.
  ///
  /// - Throws: `invalidArgument` for a name without or with too many bytes; `tooLarge` for the value.
  public mutating func setMetadata(_ value: [UInt8], named name: String) throws(SpateError) {
    guard (1...Self.maximalNameByteCount).contains(name.utf8.count) else {
      throw SpateError(
        .invalidArgument,
        "a name of metadata must have 1 to \(Self.maximalNameByteCount) bytes of UTF-8, not \(name.utf8.count)"
      )
    }
    guard value.count <= Self.maximalValueByteCount else {
      throw SpateError(
        .tooLarge,
        "a value of metadata has at most \(Self.maximalValueByteCount) bytes, this one \(value.count); "
          + "append it as a record, and keep its sequence"
      )
    }
    changes.append(.metadata(name: name, value: value.isEmpty ? nil : value))
  }

  /// Puts a fencing epoch in force, in a transaction that does nothing else.
  mutating func fence(at epoch: UInt64) { changes.append(.fence(epoch)) }
}
