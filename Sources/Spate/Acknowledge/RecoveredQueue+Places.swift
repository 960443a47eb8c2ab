extension RecoveredQueue {
  /// Writes the places that frames know better than slots, for a queue that nobody has open. Blocks on the disk.
  func savePlaces(storage: any Storage, directory: String) throws(SpateError) {
    let file = CursorFile(
      storage: storage,
      directory: directory,
      capacity: cursorFile.capacity,
      free: cursorFile.free
    )
    let writes = cursors.compactMap { cursor -> CursorFile.Write? in
      guard let pair = cursor.pair?.next, cursor.ordinal > cursor.slotOrdinal else { return nil }
      let slot = CursorSlot(
        queueIdentifier: manifest.queueIdentifier,
        identifier: cursor.identifier,
        name: cursor.name,
        generation: pair.generation,
        epoch: cursor.epoch,
        sequence: cursor.sequence,
        ordinal: cursor.ordinal,
        isRemoved: cursor.isRemoved,
        destinations: cursor.destinations
      )
      return CursorFile.Write(slot: slot, pair: pair)
    }
    try file.write(writes)
  }
}
