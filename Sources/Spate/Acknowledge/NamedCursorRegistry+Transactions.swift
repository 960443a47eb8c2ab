// Places that move by transactions, whose frames stand in the logs of other queues.
//
// While a transaction is on its way, nothing else is recorded of the place: a frame in the queue's own log would
// have a higher ordinal, and undo the transaction's acknowledgement without undoing its records.
extension NamedCursorRegistry {
  /// Makes the slot of a place list a destination, durably, so that recovery asks it. Blocks on the disk the
  /// first time.
  ///
  /// - Throws: `busy` when the place has too many destinations on their way; what the disk says.
  func list(_ destination: QueueIdentifier, for place: NamedPlace) throws(SpateError) {
    let isListed = try state.withLock { (_) throws(SpateError) in
      if let index = place.books.destinations.firstIndex(of: destination) {
        return index < place.books.listedCount
      }
      if place.books.destinations.count == CursorSlot.destinationLimit {
        guard place.books.transactionCount == 0 else {
          throw SpateError(
            .busy,
            "the cursor \"\(place.text)\" feeds \(CursorSlot.destinationLimit) queues at once; wait for its transactions"
          )
        }
        // The next slot contains what the others acknowledged.
        place.books.destinations.removeAll()
        place.books.listedCount = 0
      }
      place.books.destinations.append(destination)
      return false
    }
    if !isListed { try save() }
  }

  /// Takes a place for a transaction. Returns false while another one is on its way to another queue: which of
  /// the two becomes durable first could not be told otherwise.
  func reserve(_ place: NamedPlace, for destination: QueueCore) throws(SpateError) -> Bool {
    guard !changes.withLock({ $0.isClosed }) else {
      throw SpateError(.closed, "the queue of the cursor \"\(place.text)\" was closed; nothing was committed")
    }
    return state.withLock { _ in
      guard place.books.transactionCount == 0 || place.books.destination === destination else { return false }
      place.books.transactionCount += 1
      place.books.destination = destination
      place.noteTransaction(true)
      return true
    }
  }

  /// The acknowledgement of a transaction whose batch was claimed, and the move to finish once it is durable.
  func acknowledgement(
    of place: NamedPlace,
    below end: UInt64,
    seen truncations: UInt64
  ) -> (Acknowledgement, TransactionMove) {
    state.withLock { state in
      place.books.lastOrdinal += 1
      // Recovery believes the last of several: it must not say less than one before.
      let sequence = max(end, place.acknowledged, place.books.reached)
      place.books.reached = sequence
      let acknowledgement = Acknowledgement(
        identifier: place.identifier,
        epoch: state.epoch,
        sequence: sequence,
        ordinal: place.books.lastOrdinal
      )
      let move = TransactionMove(
        source: core,
        place: place,
        sequence: sequence,
        ordinal: acknowledgement.ordinal,
        truncationCount: truncations
      )
      return (acknowledgement, move)
    }
  }

  /// Moves a place whose transaction is durable.
  func finish(_ move: TransactionMove) {
    let place = move.place
    let mustNote = state.withLock { _ in
      let cut = core.cursors.lowestCut(since: move.truncationCount)
      let sequence = min(move.sequence, cut?.sequence ?? .max)
      place.books.ordinal = max(place.books.ordinal, move.ordinal)
      place.books.frameCount += 1
      place.books.hasFrames = true
      place.lift(to: sequence)
      if sequence == move.sequence, place.acknowledged == sequence {
        place.books.recorded = sequence
        place.books.recordedEnd = 0
      }
      return endTransaction(of: place)
    }
    if mustNote { try? note(place) }
    core.engine.housekeeper.schedule(core, after: Self.tickNanoseconds)
  }

  /// Gives a place back that was reserved, without a transaction.
  func giveUp(_ place: NamedPlace) {
    let mustNote = state.withLock { _ in endTransaction(of: place) }
    if mustNote { try? note(place) }
  }

  /// Returns whether the place has to be put on the list of changes. With the lock of `state`.
  private func endTransaction(of place: NamedPlace) -> Bool {
    place.books.transactionCount -= 1
    guard place.books.transactionCount == 0 else { return false }
    place.books.destination = nil
    place.books.reached = 0
    place.noteTransaction(false)
    if let deferred = place.books.deferred { place.lift(to: deferred) }
    place.books.deferred = nil
    return place.books.recorded != place.acknowledged && place.noteChange()
  }

  /// Moves a place by an acknowledgement that is no transaction: behind the transactions that are on their way.
  func raise(_ place: NamedPlace, to end: UInt64) throws(SpateError) {
    let mustNote = state.withLock { _ in
      guard place.books.transactionCount > 0 else { return place.raise(to: end) }
      place.books.deferred = max(end, place.books.deferred ?? 0)
      return false
    }
    if mustNote { try note(place) }
  }

  /// Where reading goes on for who opens the cursor: behind what transactions on their way acknowledge, and behind the
  /// acknowledgements that wait for them. Should they fail, so has their queue, and what they were to acknowledge is
  /// read again after a reopening.
  func resumption(of place: NamedPlace) -> UInt64 {
    state.withLock { _ in max(place.acknowledged, place.books.reached, place.books.deferred ?? 0) }
  }

  /// The queue that a place's transactions are on their way to.
  func destination(of place: NamedPlace) -> QueueCore? {
    state.withLock { _ in place.books.destination }
  }

  /// Returns once no transaction of the place is on its way. Blocks.
  ///
  /// - Throws: `timedOut` at the deadline (monotonic ns; negative: none); what keeps the destination from
  ///   becoming durable.
  func finishTransactions(of place: NamedPlace, until deadline: Int64) throws(SpateError) {
    while place.isInTransaction, let destination = destination(of: place) {
      try destination.waitForTransactions(until: deadline)
    }
  }

  /// What the slots of the cursors contain, durably.
  var savedOrdinals: [CursorIdentifier: UInt64] {
    state.withLock { state in
      Dictionary(uniqueKeysWithValues: state.places.values.map { ($0.identifier, $0.books.savedOrdinal) })
    }
  }

  /// Makes the slots list only destinations that still matter, for a close.
  func forgetDestinations() {
    state.withLock { state in
      for place in state.places.values {
        let left = place.books.destination.map { [$0.identifier] } ?? []
        guard place.books.destinations != left else { continue }
        place.books.destinations = left
        place.books.listedCount = -1
      }
    }
  }
}
