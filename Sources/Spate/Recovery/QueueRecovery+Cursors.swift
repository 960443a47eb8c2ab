extension QueueRecovery {
  /// Reads the slots of the named cursors.
  ///
  /// The queue's epoch is raised to that of the newest slot: a place that was saved in an epoch of which the log
  /// kept nothing must not be taken for one of the next.
  mutating func loadCursors() throws(SpateError) -> CursorFileContent {
    let content = try CursorFileContent.load(
      from: storage,
      directory: directory,
      queueIdentifier: manifest.queueIdentifier,
      isExpected: checkpoint.hasCursorFile
    )
    if !isReadOnly, !content.entries.isEmpty { try makeCursorsDurable() }
    if content.isIncomplete {
      report.findings.append(.lostCursorPlaces(count: content.unreadablePairs.count))
    }
    epoch = content.entries.reduce(epoch) { max($0, $1.slot.epoch) }
    return content
  }

  /// Makes durable what the slots say: a kill may have come between their write and its sync, or the sync failed.
  private func makeCursorsDurable() throws(SpateError) {
    let file = try storage.open(directory + "/" + Format.cursorsName, .readWriteBuffered)
    defer { storage.close(file) }
    try storage.rewrite(file, 0..<storage.byteCount(of: file))
  }

  /// What transactions acknowledged for the cursors in the logs of other queues, and in the log of this one.
  ///
  /// Where a destination cannot be asked, ordinals go on far behind those that it may hold: what it would say
  /// later is out of date.
  mutating func askDestinations(of file: CursorFileContent) throws(SpateError) -> RecoveredCursor.Asked {
    var asked = RecoveredCursor.Asked()
    let own = manifest.queueIdentifier
    asked.acknowledgements = content.acknowledgements.filter { $0.key.queue == own }.map(\.value)
    guard let destinations else { return asked }
    let others = Set(file.entries.flatMap(\.slot.destinations)).subtracting([own])
    guard !others.isEmpty else { return asked }
    let (found, unreadableCount) = try destinations.acknowledgements(of: own, in: others)
    asked.acknowledgements += found
    if unreadableCount > 0 {
      report.findings.append(.unreadableDestinations(count: unreadableCount))
      asked.ordinalGap = 1 << 32
    }
    return asked
  }
}
