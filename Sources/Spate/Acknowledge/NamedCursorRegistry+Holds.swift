// Making, opening, moving and removing named cursors.
extension NamedCursorRegistry {
  /// Opens a cursor if it is there. Nil when it is not.
  ///
  /// - Throws: `cursorInUse` while somebody holds it.
  func resume(_ name: [UInt8]) throws(SpateError) -> CursorHold? {
    let opened: (NamedPlace, CursorResumption)? = try state.withLock { (state) throws(SpateError) in
      guard let place = state.places[name] else { return nil }
      guard !place.books.isHeld else { throw Self.inUse(place) }
      place.books.isHeld = true
      defer {
        place.books.resumption = .resumed
        place.books.setBackFrom = nil
      }
      return (place, place.books.setBackFrom.map { .setBack(from: $0) } ?? place.books.resumption)
    }
    return opened.map { CursorHold(core: core, place: $0.0, resumption: $0.1) }
  }

  /// Makes a cursor that stands at `sequence`, and opens it; another thread may have been faster in making it.
  func create(_ name: [UInt8], at sequence: () throws(SpateError) -> UInt64) throws(SpateError) -> CursorHold
  {
    let made: NamedPlace? = try file.withLock { (file) throws(SpateError) in
      guard !changes.withLock({ $0.isClosed }) else {
        throw SpateError(.closed, "the queue was closed; open it again")
      }
      if state.withLock({ $0.places[name] != nil }) { return nil }
      let start = try sequence()
      let pair = try file.takePair()
      let place = NamedPlace(
        name: name,
        identifier: .random(),
        acknowledged: start,
        books: NamedPlace.Books(pair: pair, resumption: isIncomplete ? .placeLost : .created)
      )
      state.withLock { $0.places[name] = place }
      countPlaces(1)
      return place
    }
    if let made, made.noteChange() { try note(made) }
    if let hold = try resume(name) { return hold }
    throw SpateError(.notFound, "the cursor was removed while it was made; make it again")
  }

  /// Whether it is durable that the cursor is there. Not so while it was made without waiting, or when making it failed.
  func isKept(_ place: NamedPlace) -> Bool {
    state.withLock { _ in
      place.books.saved != nil
        || place.books.recorded != nil && core.watermarks.durablePosition >= place.books.recordedEnd
    }
  }

  /// Ends a hold.
  func release(_ place: NamedPlace) { state.withLock { _ in place.books.isHeld = false } }

  /// Moves a place anywhere, for who holds it.
  func move(_ place: NamedPlace, to sequence: UInt64) throws(SpateError) {
    let mustNote = state.withLock { _ in place.set(to: sequence) }
    if mustNote { try note(place) }
  }

  /// Sets a place back that was moved while the end of the log was cut off.
  func setBack(_ place: NamedPlace, behindTruncationsSince seen: UInt64) {
    let mustNote = state.withLock { _ in
      guard let cut = core.cursors.lowestCut(since: seen), place.acknowledged > cut.sequence else {
        return false
      }
      place.books.setBackFrom = place.acknowledged
      return place.set(to: cut.sequence)
    }
    if mustNote { try? note(place) }
  }

  /// Removes a cursor, durably. What is left of it on the disk says that it is gone.
  ///
  /// - Throws: `notFound`, `cursorInUse`, and what the disk says: the cursor is gone then, but the next open may
  ///   bring it back.
  func remove(_ name: [UInt8]) throws(SpateError) {
    let place: NamedPlace = try state.withLock { (state) throws(SpateError) in
      guard let place = state.places[name] else { throw Self.notFound(name) }
      guard !place.books.isHeld else { throw Self.inUse(place) }
      state.places[name] = nil
      state.removed.append(place)
      place.books.isRemoved = true
      place.books.recorded = nil
      place.books.saved = nil
      return place
    }
    countPlaces(-1)
    let end = recordByFrame(place)
    guard end == nil || (try? core.watermarks.wait(.durablePosition, for: end ?? 0, until: Self.soon)) == nil
    else { return }
    try save()
  }

  /// Half a second from now, monotonic ns.
  private static var soon: Int64 { Deadline.monotonicNanoseconds(.now + .milliseconds(500)) }

  /// A description of each cursor, by name.
  var descriptions: [NamedCursorDescription] {
    let first = core.firstSequence
    return state.withLock { state in
      state.places.values.map { place in
        NamedCursorDescription(
          name: place.text,
          acknowledgedSequence: place.acknowledged,
          isOpen: place.books.isHeld,
          evicted: Self.evicted(place, first: first),
          evictedCount: place.books.evictedCount
        )
      }
    }.sorted { $0.name < $1.name }
  }

  /// The place of a cursor that is there.
  func place(_ name: [UInt8]) throws(SpateError) -> NamedPlace {
    guard let place = state.withLock({ $0.places[name] }) else { throw Self.notFound(name) }
    return place
  }

  /// What a place has not acknowledged and cannot read any more.
  static func evicted(_ place: NamedPlace, first: UInt64) -> Range<UInt64>? {
    let acknowledged = place.acknowledged
    return acknowledged < first ? acknowledged..<first : nil
  }

  /// Counts what a trim takes from cursors that have not acknowledged it.
  func countEvicted(from old: UInt64, to new: UInt64) {
    state.withLock { state in
      for place in state.places.values {
        let begin = max(old, place.acknowledged)
        guard begin < new else { continue }
        place.books.evictedCount += new - begin
        evictedCount.wrappingAdd(new - begin, ordering: .relaxed)
      }
    }
  }

  private static func inUse(_ place: NamedPlace) -> SpateError {
    SpateError(
      .cursorInUse,
      "the cursor \"\(place.text)\" is open in this process; end it, and release its batches, first"
    )
  }

  private static func notFound(_ name: [UInt8]) -> SpateError {
    SpateError(
      .notFound,
      "there is no cursor \"\(String(decoding: name, as: UTF8.self))\"; check the name, or open it to make it"
    )
  }
}
