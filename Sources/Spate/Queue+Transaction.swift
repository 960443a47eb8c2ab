import CSpate

extension Queue {
  /// Commits a transaction: its records are appended to this queue, its acknowledgements and values hold, all in one
  /// atomic step. Blocks; any thread. The transaction is unchanged; empty it before it is used again.
  ///
  /// The step is one batch in this queue's log. The places of the cursors move once it is durable: when this
  /// returns at `durable`, else at most 100 ms later; until then, and after a crash that took the batch, they stand
  /// where they stood. Acknowledgements of such a cursor by other ways wait behind the transaction. A cursor that
  /// moves with a transaction to one queue waits until that is durable before it can move with one to another
  /// queue. What is acknowledged is made durable first, should it not be.
  ///
  /// The first transaction of a cursor to a queue writes the cursor's slot and syncs it: recovery of the cursor's
  /// queue will ask this one. Recovery of neither needs the other to be open.
  ///
  /// - Returns: the sequences of the records; empty without records.
  /// - Throws: `invalidArgument` for an empty transaction, or a cursor of another store; `outOfRange` for an
  ///   acknowledgement of what is not in the log; `tooLarge` for more bytes than the store takes in one piece, or
  ///   more than 1 MiB of metadata; `backPressured`, `diskFull`, `closed`, `queueFailed`, `fenced`: nothing was
  ///   committed. With a sequence in the error the transaction is in doubt.
  /// - Complexity: O(bytes); one claim and one wait, whatever it holds.
  @discardableResult
  @available(*, noasync)
  public func commit(
    _ transaction: borrowing Transaction,
    level: DurabilityLevel = .durable,
    until deadline: ContinuousClock.Instant? = nil
  ) throws(SpateError) -> Range<UInt64> {
    let limit = Deadline.monotonicNanoseconds(deadline)
    var head = try prepare(transaction)
    for acknowledged in transaction.acknowledged {
      let core = acknowledged.hold.core
      try core.watermarks.wait(.durableSequence, for: acknowledged.sequence, until: limit)
    }
    while true {
      let event = ring.changed.current
      switch try attempt(transaction, &head) {
      case .committed(let sequences, let end):
        if level != .published { try wait(sequences, endPosition: end, level: level, until: limit) }
        return sequences
      case .blocked(let other): try other.waitForTransactions(until: limit)
      case .backPressured(let failure):
        guard ring.changed.wait(from: event, until: limit) else { throw failure }
      }
    }
  }

  /// Commits a transaction. Suspends; blocks no thread of the cooperative pool. As the blocking form.
  ///
  /// Cancelling the task ends the wait, not the transaction: with a sequence in the error it is in doubt.
  @discardableResult
  public func commit(
    _ transaction: consuming Transaction,
    level: DurabilityLevel = .durable
  ) async throws(SpateError) -> Range<UInt64> {
    // Slots may have to be written, and another queue waited for: a thread that may block does it.
    let boxed = TransactionBox(transaction)
    let queue = self
    let result: Result<Range<UInt64>, SpateError> = await core.support.disk.perform {
      do throws(SpateError) { return .success(try queue.commit(boxed.transaction, level: .published)) } catch
      {
        return .failure(error)
      }
    }
    let sequences = try result.get()
    guard let kind = level.positionKind else { return sequences }
    do throws(SpateError) { try await core.watermarks.wait(kind, for: core.state.notesEnd) } catch {
      throw error.inDoubt(sequences.upperBound &- 1)
    }
    core.state.settle()
    return sequences
  }

  /// Carries a transaction to another thread.
  private final class TransactionBox: Sendable {
    let transaction: Transaction

    init(_ transaction: consuming Transaction) { self.transaction = transaction }
  }

  /// What became of an attempt.
  private enum Attempt {
    case committed(Range<UInt64>, endPosition: UInt64)
    /// A cursor's transaction to another queue is on its way.
    case blocked(QueueCore)
    case backPressured(SpateError)
  }

  /// Checks a transaction and makes recovery able to find it. Blocks on the disk.
  private func prepare(_ transaction: borrowing Transaction) throws(SpateError) -> TransactionHead {
    guard !transaction.isEmpty else {
      throw SpateError(
        .invalidArgument,
        "the transaction is empty; append, acknowledge or set something first"
      )
    }
    let head = try TransactionHead(transaction)
    try checkSize(head.frames.byteCount + transaction.records.byteCount)
    for acknowledged in transaction.acknowledged {
      let hold = acknowledged.hold
      guard hold.core.engine === core.engine else {
        throw SpateError(
          .invalidArgument,
          "the cursor \"\(hold.place.text)\" belongs to another store; a transaction stays within one"
        )
      }
      _ = try hold.check(below: acknowledged.sequence, seen: acknowledged.seenTruncations)
    }
    for acknowledged in transaction.acknowledged {
      try acknowledged.hold.core.named.list(core.identifier, for: acknowledged.hold.place)
    }
    return head
  }

  /// One attempt: takes the places, claims, publishes.
  private func attempt(
    _ transaction: borrowing Transaction,
    _ head: inout TransactionHead
  ) throws(SpateError) -> Attempt {
    var reserved = 0
    var isCommitted = false
    let acknowledged = transaction.acknowledged
    defer {
      if !isCommitted {
        for one in acknowledged[..<reserved] { one.hold.core.named.giveUp(one.hold.place) }
      }
    }
    for one in acknowledged {
      guard try one.hold.core.named.reserve(one.hold.place, for: core) else {
        // Between the two looks its transaction may have ended.
        return .blocked(one.hold.core.named.destination(of: one.hold.place) ?? core)
      }
      reserved += 1
    }
    var acknowledgements: [Acknowledgement] = []
    let changes = transaction.changes
    let outcome = try core.state.append(
      byteCount: head.frames.byteCount + transaction.records.byteCount,
      sequenceCount: transaction.records.count,
      isAllowed: { (content) throws(SpateError) in try check(changes, against: content) },
      notes: { end in
        var notes: [QueueState.Note] = []
        for one in acknowledged {
          let (acknowledgement, move) = one.hold.core.named.acknowledgement(
            of: one.hold.place,
            below: one.sequence,
            seen: one.seenTruncations
          )
          acknowledgements.append(acknowledgement)
          let reference = CursorReference(queue: one.hold.core.identifier, cursor: acknowledgement.identifier)
          notes.append(
            QueueState.Note(end: end, change: .acknowledgement(reference, acknowledgement), move: move)
          )
        }
        return notes + changes.map { QueueState.Note(end: end, change: $0) }
      }
    )
    switch consume outcome {
    case .claimed(let claimed):
      isCommitted = true
      for (index, acknowledgement) in acknowledgements.enumerated() { head.set(acknowledgement, at: index) }
      let result = publish(transaction, head, in: claimed)
      core.state.settleSoon()
      return result
    case .backPressured:
      return .backPressured(
        SpateError(
          .backPressured,
          "no room in the memory budget before the deadline; nothing was committed: try later, or raise the budget"
        )
      )
    case .refused(let refusal):
      guard case .full(let error) = refusal else { throw refusal.error }
      return .backPressured(error)
    }
  }

  private func publish(
    _ transaction: borrowing Transaction,
    _ head: borrowing TransactionHead,
    in claimed: consuming Claimed
  ) -> Attempt {
    let start = unsafe claimed.start
    let now = currentTimestamp
    let headByteCount = head.frames.byteCount
    head.frames.write(to: claimed, isContinued: transaction.records.count > 0, timestamp: now)
    transaction.records.write(to: claimed, at: headByteCount, timestamp: now)
    let sequences = claimed.sequence..<claimed.sequence + UInt64(transaction.records.count)
    let end = claimed.position &+ UInt64(claimed.byteCount)
    unsafe ring.publish(stamp: Format.stamp(salt: claimed.salt, position: claimed.position), at: start)
    return .committed(sequences, endPosition: end)
  }

  private func wait(
    _ sequences: Range<UInt64>,
    endPosition: UInt64,
    level: DurabilityLevel,
    until limit: Int64
  ) throws(SpateError) {
    // The sequence in an error says that the transaction is in doubt, also without records.
    let record = PublishedRecord(sequence: sequences.upperBound &- 1, endPosition: endPosition)
    try wait(record, level: level, until: limit)
    if level == .durable { core.state.settle() }
  }

  /// Throws what speaks against changes to what is in force; puts a new fencing epoch in force. Under the lock that
  /// the claim is made under, so no epoch comes between the two.
  private func check(
    _ changes: [QueueContent.Change],
    against content: borrowing QueueContent
  ) throws(SpateError) {
    if case .fence(let epoch)? = changes.first {
      try core.state.checkFence(epoch)
      return ring.raiseFence(to: epoch)
    }
    try checkFence()
    guard !changes.isEmpty else { return }
    var next = QueueContent()
    next.metadata = content.metadata
    for change in changes { next.apply(change) }
    guard next.metadataByteCount <= QueueState.metadataLimit else {
      throw SpateError(
        .tooLarge,
        "a queue's metadata has at most \(QueueState.metadataLimit) bytes of names and values; remove some first"
      )
    }
  }
}
