import CSpate

/// A consumer whose place outlives it: what it has acknowledged stays acknowledged when the queue is opened again,
/// and the queue keeps what it has not.
///
/// Reads as a ``Cursor`` does. Reading does not move the durable place; ``acknowledge(through:)`` does, and a
/// cursor that is opened again begins behind what was acknowledged. So each record is delivered at least once,
/// and again what was read but not acknowledged.
///
/// An acknowledgement is kept in memory, travels with the next commit of the queue as a frame in its log, and is
/// durable at the latest 100 ms and one commit after it was made, also on an idle queue. A crash before that
/// delivers again. When the log takes no frames, since the disk is full, places are saved in a file whose room
/// was taken beforehand.
///
/// One holder at a time in a process: the cursor, or the sequence it was turned into, together with the batches
/// that came from it. Not shared between threads; acknowledging through batches is for any thread.
public struct NamedCursor: ~Copyable, Sendable {
  var cursor: Cursor
  let hold: CursorHold

  /// - Throws: what ``Cursor`` throws for `start`.
  init(hold: CursorHold, options: NamedCursorOptions) throws(SpateError) {
    self.hold = hold
    cursor = try Cursor(hold: hold, following: options.level, batchLimit: options.batchLimit)
  }

  /// The cursor's name.
  public var name: String { hold.place.text }

  /// Where the place came from when the cursor was opened.
  public var resumption: CursorResumption { hold.resumption }

  /// Everything below this sequence is acknowledged, in memory at least.
  public var acknowledgedSequence: UInt64 { hold.place.acknowledged }

  /// The records that were not acknowledged and cannot be read any more, since retention was allowed to evict
  /// them, or somebody trimmed them: "records a up to b were evicted". Nil when there are none. Reading goes on
  /// behind them by itself; acknowledging something behind them clears this.
  public var evicted: Range<UInt64>? {
    NamedCursorRegistry.evicted(hold.place, first: hold.core.firstSequence)
  }

  /// How many truncations the cursor has seen.
  var seenTruncations: UInt64 { cursor.seenTruncations }

  /// The sequence of the record to be read next, unless it was abandoned.
  public var sequence: UInt64 { cursor.sequence }

  /// How many records may be seen and were not read yet. As ``Cursor/lag``.
  public var unreadCount: UInt64 { cursor.lag }

  // MARK: Reading

  /// Lends the next record. As ``Cursor/next()``, but goes on at the oldest record that is kept where others
  /// were trimmed: ``evicted`` tells.
  @available(*, noasync)
  @_lifetime(&self)
  public mutating func next() throws(SpateError) -> Record? { try cursor.next() }

  /// Lends the next record, waiting for one until `deadline`. As ``Cursor/next(until:)``.
  @available(*, noasync)
  @_lifetime(&self)
  public mutating func next(until deadline: ContinuousClock.Instant?) throws(SpateError) -> Record? {
    try cursor.next(until: deadline)
  }

  /// Takes the next records together. As ``Cursor/nextBatch(maximalCount:byteCount:)``.
  @available(*, noasync)
  public mutating func nextBatch(
    maximalCount: Int = 1024,
    byteCount: Int = 256 << 10
  ) throws(SpateError) -> Batch? {
    try cursor.nextBatch(maximalCount: maximalCount, byteCount: byteCount)
  }

  /// Takes the next records together, waiting for the first until `deadline`. As
  /// ``Cursor/nextBatch(maximalCount:byteCount:until:)``.
  @available(*, noasync)
  public mutating func nextBatch(
    maximalCount: Int = 1024,
    byteCount: Int = 256 << 10,
    until deadline: ContinuousClock.Instant?
  ) throws(SpateError) -> Batch? {
    try cursor.nextBatch(maximalCount: maximalCount, byteCount: byteCount, until: deadline)
  }

  /// Turns the cursor into an asynchronous sequence of batches that goes on from its place and holds the name.
  public consuming func batches(maximalCount: Int = 1024, byteCount: Int = 256 << 10) -> BatchSequence {
    cursor.batches(maximalCount: maximalCount, byteCount: byteCount)
  }

  /// Reads on at another place; what is acknowledged stays. As ``Cursor/seek(to:)``.
  public mutating func seek(to start: StartPosition) throws(SpateError) { try cursor.seek(to: start) }

  // MARK: Acknowledging

  /// Acknowledges the record with `sequence` and all before it. Never blocks, never goes back; costs some
  /// nanoseconds, and a short lock for the first acknowledgement after each commit.
  ///
  /// - Throws: `outOfRange` for a record that is not in the log, or was truncated since it was read; `closed`.
  public func acknowledge(through sequence: UInt64) throws(SpateError) {
    guard sequence < .max else { throw SpateError(.outOfRange, "there is no record \(sequence)") }
    try hold.acknowledge(below: sequence &+ 1, seen: cursor.seenTruncations)
  }

  /// Acknowledges, and returns once the place is at `level`. Blocks.
  ///
  /// - Throws: as ``acknowledge(through:)``; `timedOut` at the deadline, and what keeps the place from the disk:
  ///   the acknowledgement stands in memory then.
  @available(*, noasync)
  public func acknowledge(
    through sequence: UInt64,
    waitingFor level: DurabilityLevel,
    until deadline: ContinuousClock.Instant? = nil
  ) throws(SpateError) {
    try acknowledge(through: sequence)
    try hold.settle(level, until: Deadline.monotonicNanoseconds(deadline))
  }

  /// Acknowledges, and suspends until the place is at `level`. Blocks no thread of the cooperative pool.
  public func acknowledge(
    through sequence: UInt64,
    waitingFor level: DurabilityLevel
  ) async throws(SpateError) {
    try acknowledge(through: sequence)
    try await hold.settle(level)
  }

  /// Moves the durable place and the reading to `start`, also backwards: what lies behind it is delivered again.
  /// May read the disk.
  ///
  /// - Throws: as ``Cursor/seek(to:)``; nothing has changed then.
  @available(*, noasync)
  public mutating func reset(to start: StartPosition) throws(SpateError) {
    let sequence = try hold.core.sequence(of: start, following: cursor.level)
    try hold.core.named.finishTransactions(of: hold.place, until: -1)
    try hold.core.named.move(hold.place, to: sequence)
    try cursor.seek(to: .sequence(sequence))
  }
}
