import CSpate

// Giving up segments that nobody needs any more.
extension Engine {
  /// Trims what the queue's retention does not keep, and looks again when time allows more. Housekeeper.
  func retain(_ core: QueueCore) {
    guard core.catalog.count > 1, !core.isDropped else { return }
    let plan = core.retentionPlan(now: clock.refresh())
    if plan.count > 0 {
      // Whoever changes the queue as a whole may wait for this thread: it is not waited for here.
      let result = core.maintenance.withLockIfAvailable { _ in
        Result { () throws(SpateError) in try trim(core, count: plan.count) }
      }
      guard case .some(.success) = result else {
        return housekeeper.schedule(core, after: Self.retentionRetryNanoseconds)
      }
    }
    if let next = plan.nextLookNanoseconds { housekeeper.schedule(core, after: next) }
  }

  private static var retentionRetryNanoseconds: UInt64 { 250_000_000 }

  /// Trims whole segments that hold nothing at or behind `sequence`. Blocks; any thread but the housekeeper.
  func trim(_ core: QueueCore, before sequence: UInt64) throws(SpateError) {
    try core.maintenance.withLock { _ throws(SpateError) in
      let durable = core.watermarks.durable
      let segments = core.catalog.segments.dropLast()
      let count = segments.prefix { segment in
        (segment.endSequence ?? .max) <= min(sequence, durable.sequence)
          && (segment.endPosition ?? .max) <= durable.position
      }.count
      if count > 0 { try trim(core, count: count) }
    }
  }

  /// Trims the oldest segments. With the lock of the queue's maintenance.
  ///
  /// The places of cursors whose frames stand in them are saved first, and what other state frames say, then the checkpoint says durably where the
  /// log begins, then the files go: a crash in between leaves the old beginning or the new one.
  private func trim(_ core: QueueCore, count: Int) throws(SpateError) {
    if core.named.mustSaveBeforeTrim {
      try spendingReserve { () throws(SpateError) in try core.named.save() }
    }
    let begin = core.catalog.segments.dropFirst(count).first?.basePosition ?? 0
    if core.state.statePosition != 0, core.state.statePosition < begin {
      try spendingReserve { () throws(SpateError) in try core.state.checkpoint() }
    }
    let old = core.firstSequence
    try spendingReserve { () throws(SpateError) in
      try core.withFiles { (files, preparer) throws(SpateError) in
        try files.trim(count: count, core.catalog, cursors: core.cursors, preparer: preparer)
      }
    }
    core.named.countEvicted(from: old, to: core.firstSequence)
  }

  /// Throws `diskFull` when a new segment file of `byteCount` bytes would exceed a quota; a spare file is there already.
  func checkQuotas(of core: QueueCore, _ files: borrowing QueueFiles, adding byteCount: UInt64)
    throws(SpateError)
  {
    guard !files.hasSpare(of: byteCount) else { return }
    if let quota = core.quotaByteCount, files.byteCount + byteCount > quota {
      throw SpateError(
        .diskFull,
        "the queue's quota of \(quota) bytes is used up; acknowledge or trim records, or raise it",
        path: core.directory
      )
    }
    if let quota = options.quotaByteCount, usage.total + byteCount > quota {
      throw SpateError(
        .diskFull,
        "the store's quota of \(quota) bytes is used up; acknowledge or trim records, drop queues, or raise it",
        path: core.directory
      )
    }
  }

  /// Runs a step that gives room back but needs a little itself: on a full disk the reserve is given up for it.
  func spendingReserve(_ step: () throws(SpateError) -> Void) throws(SpateError) {
    do throws(SpateError) { try step() } catch {
      guard error.code == .diskFull, reserve.spend() else { throw error }
      defer { reserve.fill() }
      try step()
    }
  }
}
