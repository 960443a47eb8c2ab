extension Queue {
  /// Appends a record only if it gets exactly the sequence that is asked for. For brokers that replicate a
  /// log. Any thread.
  ///
  /// Other appends may run beside it; the check and the claim are one step.
  ///
  /// - Parameters:
  ///   - sequence: the sequence that the record must get.
  ///   - level: how far the record must be before the call returns; `published` never waits for room either.
  /// - Returns: ``ExpectedAppendOutcome/already(next:)`` or ``ExpectedAppendOutcome/gap(next:)`` when the log
  ///   is elsewhere; nothing was appended then.
  /// - Throws: as ``append(_:level:)``.
  @available(*, noasync)
  public func append(
    _ payload: RawSpan,
    at sequence: UInt64,
    key: RawSpan = RawSpan(),
    headers: RawSpan = RawSpan(),
    timestamp: UInt64? = nil,
    level: DurabilityLevel = .durable,
    until deadline: ContinuousClock.Instant? = nil
  ) throws(SpateError) -> ExpectedAppendOutcome {
    try RecordBody.check(key: key.byteCount)
    let frame = Format.frameByteCount(bodyByteCount: payload.byteCount + key.byteCount + headers.byteCount)
    try checkSize(frame)
    let limit = Deadline.monotonicNanoseconds(deadline)
    while true {
      let event = ring.changed.current
      switch try claim(byteCount: frame, at: sequence) {
      case .claimed(let claimed):
        // SAFETY: the pointers are used while the spans are borrowed by this call.
        let body = unsafe payload.withUnsafeBytes { payload in
          unsafe key.withUnsafeBytes { key in
            unsafe headers.withUnsafeBytes { headers in
              unsafe RecordBody(payload: payload, key: key, headers: headers, timestamp: timestamp)
            }
          }
        }
        let record = fill(claimed, with: body, body.stamped(at: currentTimestamp))
        if level != .published { try wait(record, level: level, until: limit) }
        return .appended
      case .elsewhere(let next): return next > sequence ? .already(next: next) : .gap(next: next)
      case .backPressured:
        guard level != .published, ring.changed.wait(from: event, until: limit) else { return .backPressured }
      case .refused(let refusal):
        guard case .full = refusal else { throw refusal.error }
        guard level != .published, ring.changed.wait(from: event, until: limit) else { return .full }
      }
    }
  }
}
