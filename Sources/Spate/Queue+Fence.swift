extension Queue {
  /// The fencing epoch in force: appends with an older one are refused. 0 while none was ever set. Any thread; never
  /// blocks.
  public var fencingEpoch: UInt64 { ring.fencingEpoch }

  /// Puts a fencing epoch in force and returns a handle whose appends carry it. For brokers that change their leader:
  /// whoever still holds a handle of an older epoch can append no more. Blocks; any thread.
  ///
  /// When this returns, the epoch is durable, and so is every record that came before it; no record of an older epoch
  /// comes behind. Appends, claims, transactions and truncations through handles of an older epoch throw `fenced`, the
  /// handles' other calls go on. Reopening, trimming and truncation keep the epoch. A claim that was there before is
  /// waited for: it may still be published, or its deadline passes.
  ///
  /// Asking again for the epoch in force gives another handle of it: which of two callers is its owner is for them to
  /// know, so two leaders must never be given the same epoch.
  ///
  /// - Parameters:
  ///   - epoch: at least the one in force.
  ///   - deadline: nil for no limit.
  /// - Throws: `fenced` for an epoch below the one in force: somebody newer owns the log. `backPressured`, `diskFull`,
  ///   `busy`, `timedOut`, `closed`, `queueFailed`, `syncFailed`: the epoch keeps older ones from appending from now
  ///   on, and may be gone with the process; ask again.
  /// - Complexity: O(1), and a commit.
  @available(*, noasync)
  public func fenced(
    at epoch: UInt64,
    until deadline: ContinuousClock.Instant? = nil
  ) throws(SpateError) -> Queue {
    let limit = Deadline.monotonicNanoseconds(deadline)
    if try core.state.mustFence(at: epoch) {
      var transaction = Transaction()
      transaction.fence(at: epoch)
      try commit(transaction, level: .published, until: deadline)
    }
    try core.waitForTransactions(until: limit)
    return Queue(core: core, fence: epoch)
  }

  // MARK: At each append

  /// Whether a newer epoch than that of this handle is in force.
  @inline(__always)
  var isFenced: Bool { ring.fencingEpoch > fence }

  /// Throws when a newer epoch than that of this handle is in force.
  @inline(__always)
  func checkFence() throws(SpateError) {
    if isFenced { throw fencedError }
  }

  private var fencedError: SpateError {
    SpateError(
      .fenced,
      "this handle appends with fencing epoch \(fence), and \(fencingEpoch) is in force: somebody newer owns the log; "
        + "nothing was appended"
    )
  }

  /// One add on the current chunk. Nil when that is not possible at once, or the handle is fenced.
  @inline(__always)
  func claimOnce(byteCount: Int) -> Claimed? {
    // Before: a handle that is fenced uses up no sequences.
    guard !isFenced, let claimed = ring.claimOnce(byteCount: byteCount, sequenceCount: 1) else { return nil }
    // Behind: see `Ring.raiseFence`.
    if isFenced {
      abandon(claimed, sequenceCount: 1)
      return nil
    }
    return claimed
  }

  /// Claims for records of this handle. Never blocks on the disk or the budget.
  ///
  /// - Throws: `fenced`; nobody will see anything of the claim.
  func claim(byteCount: Int, sequenceCount: Int) throws(SpateError) -> ClaimOutcome {
    try checkFence()
    switch ring.claim(byteCount: byteCount, sequenceCount: sequenceCount) {
    case .claimed(let claimed): return .claimed(try admit(claimed, sequenceCount: sequenceCount))
    case .backPressured: return .backPressured
    case .refused(let refusal): return .refused(refusal)
    }
  }

  /// Claims for one record of this handle if it gets `sequence`. As ``claim(byteCount:sequenceCount:)``.
  func claim(byteCount: Int, at sequence: UInt64) throws(SpateError) -> ExpectedClaimOutcome {
    try checkFence()
    switch ring.claim(byteCount: byteCount, at: sequence) {
    case .claimed(let claimed): return .claimed(try admit(claimed, sequenceCount: 1))
    case .elsewhere(let next): return .elsewhere(next: next)
    case .backPressured: return .backPressured
    case .refused(let refusal): return .refused(refusal)
    }
  }

  /// Lets a claim through unless it may stand behind the frame of a newer epoch.
  private func admit(_ claimed: consuming Claimed, sequenceCount: Int) throws(SpateError) -> Claimed {
    guard isFenced else { return claimed }
    abandon(claimed, sequenceCount: sequenceCount)
    throw fencedError
  }

  @inline(__always)
  func abandon(_ claimed: consuming Claimed, sequenceCount: Int) {
    unsafe abandon(
      claimed.start,
      byteCount: claimed.byteCount,
      sequenceCount: sequenceCount,
      position: claimed.position,
      salt: claimed.salt
    )
  }

  @inline(never)
  private func abandon(
    _ start: UnsafeMutableRawPointer,
    byteCount: Int,
    sequenceCount: Int,
    position: UInt64,
    salt: UInt64
  ) {
    unsafe ring.abandon(
      start,
      byteCount: byteCount,
      sequenceCount: sequenceCount,
      position: position,
      salt: salt,
      timestamp: currentTimestamp
    )
  }
}
