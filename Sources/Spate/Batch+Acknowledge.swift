extension Batch {
  /// Acknowledges the records of the batch, and all before them, for the named cursor that it came from. Never
  /// blocks; any thread. As ``NamedCursor/acknowledge(through:)``.
  ///
  /// The batch may be released before or after.
  ///
  /// - Throws: `invalidArgument` for a batch of a cursor without a name; `outOfRange` when its records were
  ///   truncated since; `closed`.
  public func acknowledge() throws(SpateError) {
    try namedHold().acknowledge(below: endSequence, seen: seenTruncations)
  }

  /// Acknowledges the records of the batch, and returns once the place is at `level`. Blocks.
  ///
  /// - Throws: as ``acknowledge()``, and as ``NamedCursor/acknowledge(through:waitingFor:until:)``.
  @available(*, noasync)
  public func acknowledge(
    waitingFor level: DurabilityLevel,
    until deadline: ContinuousClock.Instant? = nil
  ) throws(SpateError) {
    try acknowledge()
    try namedHold().settle(level, until: Deadline.monotonicNanoseconds(deadline))
  }

  /// Acknowledges the records of the batch, and suspends until the place is at `level`.
  public func acknowledge(waitingFor level: DurabilityLevel) async throws(SpateError) {
    try acknowledge()
    try await namedHold().settle(level)
  }

  func namedHold() throws(SpateError) -> CursorHold {
    if let hold { return hold }
    throw SpateError(
      .invalidArgument,
      "the batch came from a cursor without a name, whose place nobody keeps; read through a named cursor"
    )
  }
}
