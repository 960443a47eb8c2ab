import Synchronization

/// A consumer's place in a queue. Reads one record after the other, in order, in place; not shared between
/// threads.
///
/// Near the tail a cursor reads the ring, further back the segment files; it moves between them unseen. A
/// record is seen once its frame is covered by the level that the cursor follows, and an atomic batch of
/// records as a whole.
///
/// A cursor that stands still holds one chunk of the ring, or one mapped window of at most 4 MiB and a block (or one
/// large record), and never holds up a producer. One that reads segments keeps the file of the last one open,
/// unless more than 64 cursors are open on the queue; at the tail it holds no descriptor. All cursors of a store
/// together hold at most half of its memory budget: beyond that they read bounded copies.
///
/// Bytes that cannot be read are reported once, as `corrupt` (or `ioFailed` when the disk gave an error): the
/// error's `sequence` is the first record that is lost, and ``sequence`` is then the first one behind the
/// loss, where reading goes on.
public struct Cursor: ~Copyable, @unchecked Sendable {
  // SAFETY: a cursor has one owner at a time; what it shares with others guards itself.
  var reader: FrameReader
  let allowance: BatchAllowance
  /// The right to acknowledge, when the cursor has a name.
  let hold: CursorHold?

  init(log: CursorLog, from start: StartPosition, following level: DurabilityLevel, batchLimit: Int)
    throws(SpateError)
  {
    reader = FrameReader(log: log, level: level)
    allowance = BatchAllowance(limit: batchLimit)
    hold = nil
    try reader.seek(to: start)
  }

  /// The reading half of a named cursor, at its place, or where what is kept begins.
  init(hold: CursorHold, following level: DurabilityLevel, batchLimit: Int) throws(SpateError) {
    reader = FrameReader(log: hold.core, level: level)
    reader.passesTrimmed = true
    allowance = BatchAllowance(limit: batchLimit)
    self.hold = hold
    try reader.resume(at: hold.core.named.resumption(of: hold.place))
  }

  /// What a record must be covered by to be seen.
  var level: DurabilityLevel { reader.level }

  /// How many truncations the cursor has followed.
  var seenTruncations: UInt64 { reader.seenTruncations }

  /// The sequence of the record to be read next, unless it was abandoned.
  public var sequence: UInt64 { reader.nextSequence }

  /// How many records are covered by the level that the cursor follows and not read yet. For `published`,
  /// what was claimed.
  public var lag: UInt64 {
    let end =
      switch reader.level {
      case .durable: reader.log.watermarks.durableSequence
      case .written: reader.log.watermarks.writtenSequence
      case .published: reader.log.claimedEnd.sequence
      }
    return end - min(end, sequence)
  }

  /// Lends the next record; nil at the end of what the followed level covers. Never waits for records, but
  /// may read the disk.
  ///
  /// The record ends with the next use of the cursor.
  ///
  /// - Throws: `corrupt` or `ioFailed`, once, for records that cannot be read, and then goes on behind them;
  ///   `outOfRange` when the place was trimmed or truncated, with the sequence to go on at; `closed` when the
  ///   store was closed and the disk is needed.
  /// - Complexity: O(1) in the ring; O(bytes) in segments, whose checksums are verified.
  @available(*, noasync)
  @_lifetime(&self)
  public mutating func next() throws(SpateError) -> Record? {
    guard try reader.advance() else { return nil }
    return unsafe found()
  }

  /// Lends the next record, waiting for one until `deadline`. Blocks.
  ///
  /// - Parameter deadline: nil for no limit.
  /// - Returns: nil at the deadline.
  /// - Throws: as ``next()``; and once no more can come, what failed the queue, or `closed`.
  @available(*, noasync)
  @_lifetime(&self)
  public mutating func next(until deadline: ContinuousClock.Instant?) throws(SpateError) -> Record? {
    guard try reader.advance(until: Deadline.monotonicNanoseconds(deadline)) else { return nil }
    return unsafe found()
  }

  @_lifetime(&self)
  @unsafe
  private mutating func found() -> Record {
    // SAFETY: the reader holds the frame's bytes until its next move, which the record's lifetime excludes.
    let record = unsafe Record(frame: reader.frame, sequence: reader.frameSequence)
    return unsafe _overrideLifetime(record, mutating: &self)
  }

  /// Takes the next records together; nil at the end of what the followed level covers. May read the disk.
  ///
  /// The batch stays as it is while the cursor goes on. An atomic batch of a producer may be spread over
  /// several of these.
  ///
  /// - Parameters:
  ///   - maximalCount: the most records.
  ///   - byteCount: about how many bytes of frames; one record is taken whatever its size.
  /// - Throws: `busy` when as many batches of this cursor are out as may be; else as ``next()``.
  @available(*, noasync)
  public mutating func nextBatch(
    maximalCount: Int = 1024,
    byteCount: Int = 256 << 10
  ) throws(SpateError) -> Batch? {
    try checkAllowance()
    return try takeBatch(maximalCount: maximalCount, byteCount: byteCount)
  }

  /// Takes the next records together, waiting for the first until `deadline`. Blocks. As
  /// ``nextBatch(maximalCount:byteCount:)``.
  @available(*, noasync)
  public mutating func nextBatch(
    maximalCount: Int = 1024,
    byteCount: Int = 256 << 10,
    until deadline: ContinuousClock.Instant?
  ) throws(SpateError) -> Batch? {
    try checkAllowance()
    guard try reader.advance(until: Deadline.monotonicNanoseconds(deadline)) else { return nil }
    return gather(maximalCount: maximalCount, byteCount: byteCount)
  }

  /// Goes to another place. Reads no disk by itself; the next read may.
  ///
  /// - Throws: `outOfRange` for a sequence that was trimmed, with the first one kept, or that lies beyond the
  ///   end of the log; the cursor then stays where it is.
  public mutating func seek(to start: StartPosition) throws(SpateError) {
    try reader.seek(to: start)
  }

  /// Turns the cursor into an asynchronous sequence of batches that goes on from its place.
  public consuming func batches(maximalCount: Int = 1024, byteCount: Int = 256 << 10) -> BatchSequence {
    let log = reader.log
    let level = reader.level
    return BatchSequence(
      BatchSource(self, log: log, level: level, maximalCount: maximalCount, byteCount: byteCount)
    )
  }
}

// Batches.
extension Cursor {
  func checkAllowance() throws(SpateError) {
    guard !allowance.hasRoom else { return }
    throw SpateError(
      .busy,
      "\(allowance.limit) batches of this cursor are out; release one, or open the cursor with a higher limit"
    )
  }

  /// What came of an attempt to take a batch without waiting.
  enum Step {
    case batch(Batch)
    /// Nothing more to be seen now.
    case nothing
    /// The disk must be read, and may not be now.
    case needsDisk
  }

  /// One attempt of asynchronous code. The caller asked the allowance.
  mutating func step(maximalCount: Int, byteCount: Int, mayBlock: Bool) throws(SpateError) -> Step {
    reader.mayBlock = mayBlock
    defer { reader.mayBlock = true }
    if let batch = try takeBatch(maximalCount: maximalCount, byteCount: byteCount) { return .batch(batch) }
    return reader.needsDisk ? .needsDisk : .nothing
  }

  private mutating func takeBatch(maximalCount: Int, byteCount: Int) throws(SpateError) -> Batch? {
    guard try reader.advance() else { return nil }
    return gather(maximalCount: maximalCount, byteCount: byteCount)
  }

  /// Takes the record that was found and those behind it, as far as they may be seen now.
  private mutating func gather(maximalCount: Int, byteCount: Int) -> Batch {
    var taken = BatchEntries()
    let leases = collect(maximalCount: maximalCount, byteCount: byteCount, into: &taken)
    allowance.take()
    return Batch(
      entries: taken.entries,
      leases: leases,
      allowance: allowance,
      hold: hold,
      seenTruncations: reader.seenTruncations
    )
  }

  /// Passes over the record that was found and those behind it, as far as they may be seen now, and adds the frame of
  /// each to `sink`. Returns what holds the frames.
  @inline(__always)
  mutating func collect<Sink: FrameSink>(
    maximalCount: Int,
    byteCount: Int,
    into sink: inout Sink
  ) -> [Lease] {
    var leases: [Lease] = []
    var leaseNumber = -1
    var taken = 0
    var count = 0
    repeat {
      if leaseNumber != reader.leaseNumber, let lease = reader.lease {
        leases.append(lease)
        leaseNumber = reader.leaseNumber
      }
      unsafe sink.add(reader.frame, reader.frameSequence)
      taken += reader.frameByteCount
      count += 1
      let more = reader.run(maximalCount: maximalCount - count, byteCount: byteCount - taken, into: &sink)
      count += more.count
      taken += more.byteCount
      guard count < maximalCount, taken < byteCount else { break }
      do throws(SpateError) {
        guard try reader.advance() else { break }
      } catch {
        reader.postpone(error)
        break
      }
    } while true
    return leases
  }
}

/// Takes frames that a cursor found, one by one.
protocol FrameSink {
  /// SAFETY: a whole record frame stands at `frame`, held by a lease of the batch that it becomes a part of.
  @unsafe mutating func add(_ frame: UnsafeRawPointer, _ sequence: UInt64)
}

/// The entries of a batch, while they are collected.
private struct BatchEntries: FrameSink {
  var entries: [Batch.Entry] = []

  init() { entries.reserveCapacity(256) }

  @unsafe
  mutating func add(_ frame: UnsafeRawPointer, _ sequence: UInt64) {
    unsafe entries.append(Batch.Entry(frame: frame, sequence: sequence))
  }
}
