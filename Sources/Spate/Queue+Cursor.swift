extension Queue {
  /// Opens an anonymous cursor: a place that lasts as long as the cursor. Any thread; reads no disk.
  ///
  /// - Parameters:
  ///   - start: where to begin.
  ///   - level: what must be so of a record before the cursor sees it. A cursor that follows `published` or
  ///     `written` may see records that a power cut takes back.
  ///   - batchLimit: how many batches of the cursor may be out at a time, at least 1.
  /// - Throws: `outOfRange` for a sequence that was trimmed, with the first one kept, or that lies beyond the
  ///   end of the log.
  public func cursor(
    from start: StartPosition = .earliest,
    following level: DurabilityLevel = .durable,
    batchLimit: Int = 4
  ) throws(SpateError) -> Cursor {
    try Cursor(log: core, from: start, following: level, batchLimit: batchLimit)
  }

  /// The records of the queue as an asynchronous sequence of batches, endless. Any thread; reads no disk
  /// until it is iterated.
  ///
  /// The place is taken now, and shared by all iterators of the sequence.
  ///
  /// - Parameters:
  ///   - maximalCount: the most records in a batch.
  ///   - byteCount: about how many bytes of frames in a batch; one record is taken whatever its size.
  /// - Throws: as ``cursor(from:following:batchLimit:)``.
  public func batches(
    from start: StartPosition = .earliest,
    following level: DurabilityLevel = .durable,
    maximalCount: Int = 1024,
    byteCount: Int = 256 << 10,
    batchLimit: Int = 4
  ) throws(SpateError) -> BatchSequence {
    try cursor(from: start, following: level, batchLimit: batchLimit)
      .batches(maximalCount: maximalCount, byteCount: byteCount)
  }
}
