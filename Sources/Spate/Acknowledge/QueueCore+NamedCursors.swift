import CSpate

// What opening and asking for named cursors needs of a queue.
extension QueueCore {
  /// The sequence of the oldest record that is kept.
  var firstSequence: UInt64 {
    // In this order: without a segment in the catalog, nothing became durable before the look at it.
    let durable = watermarks.durableSequence
    return catalog.first?.baseSequence ?? durable
  }

  /// Opens a cursor if it is there.
  func resumeCursor(named name: String) throws(SpateError) -> CursorHold? {
    let bytes = Array(name.utf8)
    guard (1...200).contains(bytes.count) else {
      throw SpateError(.invalidArgument, "a cursor's name must have 1 to 200 bytes of UTF-8", path: name)
    }
    return try named.resume(bytes)
  }

  /// Opens a cursor, or makes it.
  func openCursor(
    named name: String,
    from start: StartPosition,
    options: NamedCursorOptions
  ) throws(SpateError) -> CursorHold {
    if let hold = try resumeCursor(named: name) { return hold }
    guard options.createsIfMissing else {
      throw SpateError(.notFound, "there is no cursor \"\(name)\"; check the name, or let it be made")
    }
    return try named.create(Array(name.utf8)) { () throws(SpateError) in
      // Where places were lost, only the beginning is certain to skip nothing.
      try sequence(of: named.isIncomplete ? .earliest : start, following: options.level)
    }
  }

  /// The sequence of the record that a start position means now. May read the disk.
  func sequence(of start: StartPosition, following level: DurabilityLevel) throws(SpateError) -> UInt64 {
    var reader = FrameReader(log: self, level: level)
    try reader.seek(to: start)
    if case .time = start, try reader.advance() { return reader.frameSequence }
    return reader.nextSequence
  }

  /// How far a place is behind the durable end.
  func lag(of place: NamedPlace) throws(SpateError) -> CursorLag {
    let first = max(place.acknowledged, firstSequence)
    let durable = watermarks.durable
    guard first < durable.sequence else {
      return CursorLag(recordCount: 0, byteCount: 0, oldestTimestamp: nil, ageNanoseconds: 0)
    }
    var reader = FrameReader(log: self, level: .durable)
    try reader.seek(to: .sequence(first))
    guard try reader.advance() else {
      return CursorLag(recordCount: 0, byteCount: 0, oldestTimestamp: nil, ageNanoseconds: 0)
    }
    let timestamp = unsafe FrameHeader(decoding: reader.frame).timestamp
    let begin = reader.position - UInt64(reader.frameByteCount)
    let now = clock.refresh()
    return CursorLag(
      recordCount: durable.sequence - min(first, durable.sequence),
      byteCount: durable.position - min(begin, durable.position),
      oldestTimestamp: timestamp,
      ageNanoseconds: now - min(timestamp, now)
    )
  }

  /// What the housekeeper does for a queue from time to time: records acknowledgements, trims what they allow.
  func tick() {
    guard !isDropped else { return }
    state.tick()
    if named.tick() { engine.housekeeper.schedule(self, after: NamedCursorRegistry.tickNanoseconds) }
    engine.retain(self)
  }

  /// Makes the checkpoint say that there is a file of cursor slots, before anything relies on it.
  func noteCursorFile() throws(SpateError) {
    try engine.spendingReserve { () throws(SpateError) in
      try withFiles { (files, _) throws(SpateError) in
        try files.noteCursorFile(storage: engine.storage, directory: directory)
      }
    }
  }
}
