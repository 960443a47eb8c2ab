import CSpate

extension Queue {
  /// Cuts the end of the log off: the record with `sequence` and all behind it are gone, durably, when this
  /// returns, and the next append gets `sequence`. A new epoch begins. For followers whose log diverged.
  /// Blocks; any thread.
  ///
  /// Appends that run beside it get `busy` meanwhile; what was published before is made durable first.
  /// Cursors that stand behind the cut get `outOfRange`, once, and go on at it. Files that hold nothing but
  /// cut records are removed.
  ///
  /// - Throws: `outOfRange` when there is no such record; `invalidArgument` when it stands inside an atomic
  ///   batch, with the batch's first sequence: a batch is there as a whole or not at all; `fenced`, `closed`,
  ///   `queueFailed`, `diskFull` without room for one more segment file, and what the disk says. If it throws before the cut is durable the log is as it was,
  ///   after a reopening at the latest.
  /// - Complexity: O(bytes of the segment that holds the record).
  @available(*, noasync)
  public func truncate(from sequence: UInt64) throws(SpateError) {
    try core.truncate(from: sequence) { () throws(SpateError) in try checkFence() }
  }
}
