extension Queue {
  /// Appends one record and returns its sequence once it is at `level`. Suspends; blocks no thread of the
  /// cooperative pool.
  ///
  /// Cancelling the task ends the wait, not the append: without a sequence in the error nothing was appended;
  /// with one the record is in doubt.
  ///
  /// - Throws: as the blocking form; `cancelled`.
  @discardableResult
  public func append(
    _ payload: [UInt8],
    key: [UInt8] = [],
    headers: [UInt8] = [],
    timestamp: UInt64? = nil,
    level: DurabilityLevel = .durable
  ) async throws(SpateError) -> UInt64 {
    try RecordBody.check(key: key.count)
    try checkSize(Format.frameByteCount(bodyByteCount: payload.count + key.count + headers.count))
    while true {
      let event = ring.changed.current
      if let record = try publishOrYield(payload, key: key, headers: headers, timestamp: timestamp) {
        if let kind = level.positionKind {
          do throws(SpateError) {
            try await core.watermarks.wait(kind, for: record.endPosition)
          } catch {
            throw error.inDoubt(record.sequence)
          }
        }
        return record.sequence
      }
      try await waitForRoom(from: event)
    }
  }

  /// Appends a batch, atomically. Suspends; blocks no thread of the cooperative pool.
  @discardableResult
  public func append(
    _ batch: consuming RecordBatch,
    level: DurabilityLevel = .durable
  ) async throws(SpateError) -> Range<UInt64> {
    guard batch.count > 0 else {
      let next = durableSequence
      return next..<next
    }
    while true {
      let event = ring.changed.current
      switch try appendOutcome(of: batch) {
      case .appended(let first):
        let range = first..<first + UInt64(batch.count)
        if level != .published { try await wait(for: range.upperBound - 1, level: level) }
        return range
      default: try await waitForRoom(from: event)
      }
    }
  }

  private func appendOutcome(of batch: borrowing RecordBatch) throws(SpateError) -> AppendOutcome {
    try tryAppend(batch, policy: .refuse)
  }

  private func waitForRoom(from event: UInt32) async throws(SpateError) {
    await ring.changed.wait(from: event)
    if Task.isCancelled {
      throw SpateError(.cancelled, "the task was cancelled while it waited for room; nothing was appended")
    }
  }

  /// One attempt; nil when there is no room.
  private func publishOrYield(
    _ payload: [UInt8],
    key: [UInt8],
    headers: [UInt8],
    timestamp: UInt64?
  ) throws(SpateError) -> PublishedRecord? {
    try unsafe payload.span.bytes.withUnsafeBytes { (payload) throws(SpateError) -> PublishedRecord? in
      try unsafe key.span.bytes.withUnsafeBytes { (key) throws(SpateError) -> PublishedRecord? in
        try unsafe headers.span.bytes.withUnsafeBytes { (headers) throws(SpateError) -> PublishedRecord? in
          let body = unsafe RecordBody(payload: payload, key: key, headers: headers, timestamp: timestamp)
          let stamped = body.stamped(at: currentTimestamp)
          switch try claim(byteCount: body.frameByteCount, sequenceCount: 1) {
          case .claimed(let claimed): return fill(claimed, with: body, stamped)
          case .backPressured:
            core.counters.countBackPressure(nanoseconds: 0)
            return nil
          case .refused(let refusal):
            guard case .full = refusal else { throw refusal.error }
            return nil
          }
        }
      }
    }
  }
}
