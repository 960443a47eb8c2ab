import CSpate

// Recording places by frames in the log.
extension NamedCursorRegistry {
  /// Lets changed places travel with the commit that is being gathered. Committer only; never waits.
  func ride() {
    state.withLockIfAvailable { state in
      for _ in 0..<Self.rideLimit {
        guard let place = takeChanged() else { return }
        guard emit(place, &state, opening: false) else { return putBack(place) }
      }
    }
  }

  /// Appends frames for all changed places. Returns false when the log takes none now. Any thread; never waits
  /// for room.
  func recordByFrames() -> Bool {
    state.withLock { state in
      while let place = takeChanged() {
        guard emit(place, &state, opening: true) else {
          putBack(place)
          return false
        }
      }
      return true
    }
  }

  /// Appends a frame for one place unless what it says is recorded already. Returns the position that must be
  /// durable, 0 when a slot has it; nil when the log takes no frame now.
  func recordByFrame(_ place: NamedPlace) -> UInt64? {
    state.withLock { state in
      guard emit(place, &state, opening: true) else {
        putBack(place)
        return nil
      }
      return place.books.recordedEnd
    }
  }

  /// - Parameter opening: whether a chunk may be opened for the frame, which takes the ring's lock.
  private func emit(_ place: NamedPlace, _ state: inout State, opening: Bool) -> Bool {
    place.takeChange()
    // The end of the transaction puts it on the list again.
    if place.books.transactionCount > 0, !place.books.isRemoved { return true }
    let sequence = place.acknowledged
    if place.books.recorded == sequence { return true }
    let acknowledgement = Acknowledgement(
      identifier: place.identifier,
      epoch: state.epoch,
      sequence: sequence,
      ordinal: place.books.lastOrdinal + 1,
      isRemoved: place.books.isRemoved
    )
    noteFrameIsComing()
    guard let end = append(acknowledgement, key: place.name, opening: opening) else { return false }
    place.books.lastOrdinal += 1
    place.books.ordinal = place.books.lastOrdinal
    place.books.recorded = sequence
    place.books.recordedEnd = end
    place.books.frameCount += 1
    place.books.hasFrames = true
    state.framesEnd = max(state.framesEnd, end)
    return true
  }

  /// Claims, fills and publishes one frame. Returns where it ends; nil when there is no room at once.
  private func append(_ acknowledgement: Acknowledgement, key: [UInt8], opening: Bool) -> UInt64? {
    let ring = core.ring
    return unsafe withUnsafeTemporaryAllocation(
      byteCount: Acknowledgement.headByteCount,
      alignment: 8
    ) { payload -> UInt64? in
      // SAFETY: the payload has the 48 bytes; it and the key are read within the closures.
      unsafe acknowledgement.encode(into: payload.baseAddress.unsafelyUnwrapped)
      return unsafe key.withUnsafeBytes { key -> UInt64? in
        let body = unsafe RecordBody(
          payload: UnsafeRawBufferPointer(payload),
          key: key,
          headers: UnsafeRawBufferPointer(start: nil, count: 0),
          timestamp: core.timestamp,
          type: .acknowledgement
        )
        let stamped = body.stamped(at: core.timestamp)
        guard let claimed = claim(byteCount: body.frameByteCount, on: ring, opening: opening) else {
          return nil
        }
        let end = claimed.position &+ UInt64(claimed.byteCount)
        unsafe body.write(stamped, to: claimed.start)
        unsafe ring.publish(
          stamp: Format.stamp(salt: claimed.salt, position: claimed.position),
          at: claimed.start
        )
        return end
      }
    }
  }

  private func claim(byteCount: Int, on ring: Ring, opening: Bool) -> Claimed? {
    guard opening else { return ring.claimOnce(byteCount: byteCount, sequenceCount: 0) }
    switch ring.claim(byteCount: byteCount, sequenceCount: 0) {
    case .claimed(let claimed): return claimed
    case .backPressured: return nil
    case .refused: return nil
    }
  }
}
