extension Queue {
  /// Appends all records of a batch, atomically, and returns their sequences once they are at `level`. Any
  /// thread.
  ///
  /// The batch is one claim within one segment; it is unchanged afterwards and can be appended again. A
  /// cursor sees all of it or nothing.
  ///
  /// - Returns: the sequences; empty for an empty batch, which appends nothing.
  /// - Throws: as ``append(_:level:)``; the sequence in the error is the last one of the batch.
  /// - Complexity: O(bytes); one `fetch_add` and one wait for the whole batch.
  @discardableResult
  @available(*, noasync)
  public func append(
    _ batch: borrowing RecordBatch,
    level: DurabilityLevel = .durable,
    until deadline: ContinuousClock.Instant? = nil
  ) throws(SpateError) -> Range<UInt64> {
    guard batch.count > 0 else {
      let next = durableSequence
      return next..<next
    }
    let limit = Deadline.monotonicNanoseconds(deadline)
    let claimed = try claimWaiting(byteCount: batch.byteCount, sequenceCount: batch.count, until: limit)
    let range = publish(batch, in: claimed)
    if level != .published { try wait(range.record, level: level, until: limit) }
    return range.sequences
  }

  /// Appends all records of a batch if there is room now. As ``tryAppend(_:policy:)``, for all or none.
  ///
  /// - Returns: ``AppendOutcome/appended(sequence:)`` carries the first record's sequence. An empty batch is
  ///   not an append.
  public func tryAppend(
    _ batch: borrowing RecordBatch,
    policy: BackPressurePolicy = .refuse
  ) throws(SpateError) -> AppendOutcome {
    guard batch.count > 0 else {
      throw SpateError(.invalidArgument, "the batch is empty; append at least one record")
    }
    try checkSize(batch.byteCount)
    switch try claim(byteCount: batch.byteCount, sequenceCount: batch.count) {
    case .claimed(let claimed): return .appended(sequence: publish(batch, in: claimed).sequences.lowerBound)
    case .backPressured: return countRefusal(policy, records: batch.count) ?? .backPressured
    case .refused(let refusal):
      guard case .full = refusal else { throw refusal.error }
      return countRefusal(policy, records: batch.count) ?? .full
    }
  }

  private func publish(
    _ batch: borrowing RecordBatch,
    in claimed: consuming Claimed
  ) -> (sequences: Range<UInt64>, record: PublishedRecord) {
    let start = unsafe claimed.start
    batch.write(to: claimed, timestamp: currentTimestamp)
    let sequences = claimed.sequence..<claimed.sequence + UInt64(batch.count)
    let record = PublishedRecord(
      sequence: sequences.upperBound - 1,
      endPosition: claimed.position &+ UInt64(claimed.byteCount)
    )
    unsafe ring.publish(stamp: Format.stamp(salt: claimed.salt, position: claimed.position), at: start)
    return (sequences, record)
  }

  /// Counts an append that found no room; the outcome when the caller asked to drop, else nil.
  func countRefusal(_ policy: BackPressurePolicy, records: Int) -> AppendOutcome? {
    switch policy {
    case .drop:
      core.counters.countDrop(at: clock.refresh(), records: UInt64(records))
      return .dropped
    case .refuse:
      core.counters.countBackPressure(nanoseconds: 0)
      return nil
    }
  }
}
