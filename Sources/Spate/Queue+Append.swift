import CSpate

/// A record that was published: its place in the log.
struct PublishedRecord {
  var sequence: UInt64
  /// The position after its frame.
  var endPosition: UInt64
}

extension Queue {
  /// Appends one record and returns its sequence once it is at `level`. Any thread.
  ///
  /// The bytes are copied before the call returns; they may be anywhere, also in a mapped file: they are read
  /// once before room is claimed, so a page fault in them holds nobody up. When the memory budget is used up
  /// the call waits.
  ///
  /// A thread that waits for `written`, in a queue with a sync interval and buffered files, may write into the page cache
  /// itself, for others that wait, too, with its signals blocked meanwhile. With a deadline it never does.
  ///
  /// Records of up to a quarter of a chunk share chunks. Larger ones, up to
  /// ``StoreOptions/maximalClaimByteCount``, travel on one contiguous buffer of their own, counted against
  /// the memory budget.
  ///
  /// - Parameters:
  ///   - payload: the bytes; may be empty.
  ///   - level: how far the record must be before the call returns.
  /// - Returns: the record's sequence.
  /// - Throws: before the record has a sequence, with nothing appended: `tooLarge`, `closed`, `queueFailed`.
  ///   After it, with the sequence in the error and the record in doubt: `syncFailed`, `ioFailed`, `closed`.
  /// - Complexity: O(payload); one `fetch_add`, one copy and one release store when nobody has to be waited
  ///   for.
  @discardableResult
  @available(*, noasync)
  public func append(_ payload: RawSpan, level: DurabilityLevel = .durable) throws(SpateError) -> UInt64 {
    try append(payload, level: level, limit: -1)
  }

  /// Appends one record, waiting for room and for the level until a deadline at most. As
  /// ``append(_:level:)``.
  ///
  /// - Throws: `backPressured` or `diskFull` at the deadline, without a sequence: nothing was appended.
  ///   `timedOut` with a sequence: the record is in doubt.
  @discardableResult
  @available(*, noasync)
  public func append(
    _ payload: RawSpan,
    level: DurabilityLevel = .durable,
    until deadline: ContinuousClock.Instant
  ) throws(SpateError) -> UInt64 {
    try append(payload, level: level, limit: Deadline.monotonicNanoseconds(deadline))
  }

  /// `limit` is monotonic ns; negative: none. The clock's own type is not passed along: moving it costs a
  /// quarter of a small append.
  @inline(__always)
  private func append(_ payload: RawSpan, level: DurabilityLevel, limit: Int64) throws(SpateError) -> UInt64 {
    let record = try unsafe payload.withUnsafeBytes { (bytes) throws(SpateError) in
      // SAFETY: the pointer is used within the closure only.
      let body = unsafe RecordBody(payload: bytes)
      if let record = publishAtOnce(body) { return record }
      return try publishWaiting(body, until: limit)
    }
    if level != .published { try wait(record, level: level, until: limit) }
    return record.sequence
  }

  /// Appends one record with a key and headers. As ``append(_:level:)``.
  ///
  /// - Parameters:
  ///   - key: up to 65,535 bytes; empty for none.
  ///   - headers: bytes whose meaning is the caller's; empty for none.
  ///   - timestamp: ns since 1970; nil takes the store's clock.
  @discardableResult
  @available(*, noasync)
  public func append(
    _ payload: RawSpan,
    key: RawSpan,
    headers: RawSpan = RawSpan(),
    timestamp: UInt64? = nil,
    level: DurabilityLevel = .durable,
    until deadline: ContinuousClock.Instant? = nil
  ) throws(SpateError) -> UInt64 {
    try RecordBody.check(key: key.byteCount)
    let limit = Deadline.monotonicNanoseconds(deadline)
    let record = try unsafe payload.withUnsafeBytes { (payload) throws(SpateError) in
      try unsafe key.withUnsafeBytes { (key) throws(SpateError) in
        try unsafe headers.withUnsafeBytes { (headers) throws(SpateError) in
          let body = unsafe RecordBody(payload: payload, key: key, headers: headers, timestamp: timestamp)
          return try publishWaiting(body, until: limit)
        }
      }
    }
    if level != .published { try wait(record, level: level, until: limit) }
    return record.sequence
  }

  /// Appends the bytes of an array. As ``append(_:level:)``.
  @discardableResult
  @available(*, noasync)
  public func append(_ payload: [UInt8], level: DurabilityLevel = .durable) throws(SpateError) -> UInt64 {
    try unsafe append(payload.span.bytes, level: level)
  }

  /// Appends one record if there is room now. Never blocks on the disk, the memory budget or a level; any
  /// thread, also a task's.
  ///
  /// The record is at `published` when this returns ``AppendOutcome/appended(sequence:)``; wait for more with
  /// ``wait(for:level:until:)``. The very first append after a queue was opened may find the first segment
  /// file not ready yet, and is back-pressured then.
  ///
  /// - Parameter policy: what to do without room: say so, or drop the record and count it.
  /// - Throws: `tooLarge`, `closed`, `queueFailed`; nothing was appended.
  public func tryAppend(
    _ payload: RawSpan,
    policy: BackPressurePolicy = .refuse
  ) throws(SpateError) -> AppendOutcome {
    try unsafe payload.withUnsafeBytes { (bytes) throws(SpateError) in
      let body = unsafe RecordBody(payload: bytes)
      if let record = publishAtOnce(body) { return .appended(sequence: record.sequence) }
      return try publishSlowly(body, policy: policy)
    }
  }

  // MARK: The steps

  /// The hot path: claim on the current chunk, copy, publish. Nil when that was not possible at once.
  @inline(__always)
  private func publishAtOnce(_ body: RecordBody) -> PublishedRecord? {
    guard body.frameByteCount <= ring.sharedClaimLimit else { return nil }
    let stamped = body.stamped(at: currentTimestamp)
    guard let claimed = claimOnce(byteCount: body.frameByteCount) else { return nil }
    return fill(claimed, with: body, stamped)
  }

  /// The time for a record: the store's clock, refreshed by us when the committer is idle and does not.
  @inline(__always)
  var currentTimestamp: UInt64 {
    // ORDERING: relaxed: only decides which clock to read.
    unsafe ring.words.header.pointee.attention.load(ordering: .relaxed) == 0 ? clock.now : clock.refresh()
  }

  @inline(__always)
  func fill(_ claimed: consuming Claimed, with body: RecordBody, _ stamped: RecordBody.Stamped)
    -> PublishedRecord
  {
    let start = unsafe claimed.start
    unsafe body.write(stamped, to: start)
    let record = PublishedRecord(
      sequence: claimed.sequence,
      endPosition: claimed.position &+ UInt64(truncatingIfNeeded: claimed.byteCount)
    )
    unsafe ring.publish(stamp: Format.stamp(salt: claimed.salt, position: claimed.position), at: start)
    return record
  }

  /// One attempt on the slow path.
  @inline(never)
  func publishSlowly(_ body: RecordBody, policy: BackPressurePolicy) throws(SpateError)
    -> AppendOutcome
  {
    try checkSize(body.frameByteCount)
    let stamped = body.stamped(at: currentTimestamp)
    switch try claim(byteCount: body.frameByteCount, sequenceCount: 1) {
    case .claimed(let claimed):
      return .appended(sequence: fill(claimed, with: body, stamped).sequence)
    case .backPressured: return countRefusal(policy, records: 1) ?? .backPressured
    case .refused(let refusal):
      guard case .full = refusal else { throw refusal.error }
      return countRefusal(policy, records: 1) ?? .full
    }
  }

  /// The slow path that waits for room.
  @inline(never)
  private func publishWaiting(_ body: RecordBody, until limit: Int64) throws(SpateError) -> PublishedRecord {
    let claimed = try claimWaiting(byteCount: body.frameByteCount, sequenceCount: 1, until: limit)
    return fill(claimed, with: body, body.stamped(at: currentTimestamp))
  }

  /// Claims, waiting for room until `limit` (monotonic ns; negative: no limit).
  func claimWaiting(byteCount: Int, sequenceCount: Int, until limit: Int64) throws(SpateError) -> Claimed {
    try checkSize(byteCount)
    var waitedFrom: UInt64 = 0
    while true {
      let event = ring.changed.current
      let failure: SpateError
      switch try claim(byteCount: byteCount, sequenceCount: sequenceCount) {
      case .claimed(let claimed):
        if waitedFrom != 0 {
          core.counters.countBackPressure(nanoseconds: spate_now_monotonic_ns() &- waitedFrom)
        }
        return claimed
      case .backPressured:
        failure = SpateError(
          .backPressured,
          "no room in the memory budget before the deadline; nothing was appended: try later, or raise the budget"
        )
      case .refused(let refusal):
        guard case .full(let error) = refusal else { throw refusal.error }
        failure = error
      }
      try core.engine.owner.check()
      if waitedFrom == 0 { waitedFrom = spate_now_monotonic_ns() }
      if !ring.changed.wait(from: event, until: limit) {
        core.counters.countBackPressure(nanoseconds: spate_now_monotonic_ns() &- waitedFrom)
        throw failure
      }
    }
  }

  func checkSize(_ byteCount: Int) throws(SpateError) {
    guard byteCount > ring.configuration.maximalClaimByteCount else { return }
    throw SpateError(
      .tooLarge,
      "\(byteCount) bytes with frame headers are more than the store takes in one piece "
        + "(\(ring.configuration.maximalClaimByteCount)); split them, or raise maximalClaimByteCount and the memory budget"
    )
  }

  @inline(never)
  func wait(_ record: PublishedRecord, level: DurabilityLevel, until limit: Int64) throws(SpateError) {
    guard let kind = level.positionKind else { return }
    do throws(SpateError) {
      try core.watermarks.wait(kind, for: record.endPosition, until: limit)
    } catch {
      throw error.inDoubt(record.sequence)
    }
  }
}

extension Ring.Refusal {
  /// The refusal as the error of an append that did not happen.
  var error: SpateError {
    switch self {
    case .failed(let cause):
      SpateError(
        .queueFailed,
        "the queue failed and refuses appends until the store is reopened: \(cause.message)",
        systemErrorNumber: cause.systemErrorNumber
      )
    case .closed: SpateError(.closed, "the store is closed; open it again")
    case .full(let cause): cause
    case .paused: SpateError(.busy, "the end of the log is being truncated; try again")
    }
  }
}
