// Recording places by slots: checkpoints of the frames, and the way that is left on a full disk.
extension NamedCursorRegistry {
  /// What a save is going to write of a place.
  private struct Snapshot {
    var place: NamedPlace
    var sequence: UInt64
    var frameCount: UInt64
    var destinationCount: Int
    var write: CursorFile.Write
  }

  /// Writes the places that no slot has, and syncs them. When it returns, slots contain every frame that was in
  /// the log when it began. Blocks on the disk; any thread.
  func save() throws(SpateError) {
    try file.withLock { (file) throws(SpateError) in
      guard !core.isDropped else { throw SpateError(.closed, "the queue was dropped", path: core.name) }
      let (snapshots, position) = try snapshot(&file)
      guard !snapshots.isEmpty || statePosition != 0 else { return }
      if !snapshots.isEmpty {
        try core.noteCursorFile()
        try file.write(snapshots.map(\.write))
      }
      state.withLock { state in
        for snapshot in snapshots { confirm(snapshot) }
        framesAreCovered(below: position, state)
      }
    }
  }

  /// The slots to write, and the end of the log: frames that come later stand at or beyond it.
  private func snapshot(_ file: inout CursorFile) throws(SpateError) -> ([Snapshot], UInt64) {
    try state.withLock { (state) throws(SpateError) in
      var snapshots: [Snapshot] = []
      let position = core.ring.claimedEnd.position
      for place in state.placesByName + state.removed {
        let sequence = place.acknowledged
        guard
          place.books.saved != sequence || place.books.hasFrames || place.books.recorded == nil
            || place.books.listedCount != place.books.destinations.count
        else { continue }
        if place.books.pair.number < 0 { place.books.pair = try file.takePair() }
        let pair = place.books.pair.next
        let slot = CursorSlot(
          queueIdentifier: core.identifier,
          identifier: place.identifier,
          name: place.name,
          generation: pair.generation,
          epoch: state.epoch,
          sequence: sequence,
          // A removal comes behind the transactions that are on their way: none of them brings the cursor back.
          ordinal: place.books.isRemoved ? place.books.lastOrdinal : place.books.ordinal,
          isRemoved: place.books.isRemoved,
          destinations: place.books.destinations
        )
        snapshots.append(
          Snapshot(
            place: place,
            sequence: sequence,
            frameCount: place.books.frameCount,
            destinationCount: place.books.destinations.count,
            write: CursorFile.Write(slot: slot, pair: pair)
          )
        )
      }
      return (snapshots, position)
    }
  }

  /// Notes that a slot is durable. With the lock of `state`.
  private func confirm(_ snapshot: Snapshot) {
    let place = snapshot.place
    place.books.pair = snapshot.write.pair
    place.books.saved = snapshot.sequence
    place.books.savedOrdinal = snapshot.write.slot.ordinal
    place.books.listedCount = snapshot.destinationCount
    guard place.books.frameCount == snapshot.frameCount else { return }
    place.books.hasFrames = false
    place.books.recorded = snapshot.sequence
    place.books.recordedEnd = 0
  }

  /// Saves when a scan for frames would have to begin far back. Housekeeper.
  func saveIfFar() {
    let first = statePosition
    guard first != 0, core.watermarks.durablePosition > first &+ Self.frameDistance else { return }
    // A failure costs a longer scan at the next open.
    try? save()
  }

  /// Records what changed since the last time, by frames, or by slots where the log takes none. Housekeeper.
  /// Returns whether something is left to be recorded.
  func tick() -> Bool {
    changes.withLock { $0.isTickDue = false }
    if hasChanges, !recordByFrames(), (try? save()) != nil { dropRecorded() }
    saveIfFar()
    let isLeft = changes.withLock { changes in
      if !changes.places.isEmpty { changes.isTickDue = true }
      return !changes.places.isEmpty
    }
    return isLeft
  }

  /// Takes the places off the list that a save has recorded.
  private func dropRecorded() {
    state.withLock { state in
      var left: [NamedPlace] = []
      while let place = takeChanged() {
        place.takeChange()
        if place.books.recorded != place.acknowledged { left.append(place) }
      }
      for place in left { putBack(place) }
    }
  }

  /// Takes no more changes, for a drop.
  func abandon() { changes.withLock { $0.isClosed = true } }

  /// Records all places and takes no more changes, for a close. While the ring still takes claims.
  func close() {
    let wasClosed = changes.withLock { changes in
      defer { changes.isClosed = true }
      return changes.isClosed
    }
    guard !wasClosed else { return }
    forgetDestinations()
    do throws(SpateError) { try save() } catch { _ = recordByFrames() }
  }
}
