extension Queue {
  /// Small values by name that the queue keeps beside its records, as they were set last. Any thread; reads no disk.
  ///
  /// They may be newer than what a crash would leave: see ``setMetadata(_:named:level:until:)``.
  public var metadata: [String: [UInt8]] { core.state.metadata }

  /// One value, as it was set last; nil without one.
  ///
  /// - Complexity: O(1)
  public func metadata(named name: String) -> [UInt8]? { core.state.metadata(named: name) }

  /// Sets a value, and returns once that is at `level`. Blocks; any thread. A truncation of the log keeps it.
  ///
  /// - Parameters:
  ///   - value: up to ``Transaction/maximalValueByteCount`` bytes; empty removes the name.
  ///   - name: 1 to ``Transaction/maximalNameByteCount`` bytes of UTF-8.
  /// - Throws: as ``Queue/commit(_:level:until:)``.
  @available(*, noasync)
  public func setMetadata(
    _ value: [UInt8],
    named name: String,
    level: DurabilityLevel = .durable,
    until deadline: ContinuousClock.Instant? = nil
  ) throws(SpateError) {
    var transaction = Transaction()
    try transaction.setMetadata(value, named: name)
    try commit(transaction, level: level, until: deadline)
  }
}
