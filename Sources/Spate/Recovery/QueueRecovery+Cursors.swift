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
    if content.isIncomplete {
      report.findings.append(.lostCursorPlaces(count: content.unreadablePairs.count))
    }
    epoch = content.entries.reduce(epoch) { max($0, $1.slot.epoch) }
    return content
  }
}
