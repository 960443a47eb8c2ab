/// Producers that append as fast as they can; the window is the ring: they are held back by the memory budget alone.
struct Load: Sendable {
  var recordByteCount = 1024
  var producers = 2
  /// How many records each claim takes; 1 is one append at a time.
  var batchCount = 1
  /// Appends one batch again and again, instead of filling it anew each time as a client would.
  var reusesBatch = false
  /// The level that is waited for at the end, within the measured time.
  var finalLevel = EngineLevel.durable

  /// What a load did.
  struct Outcome: Sendable {
    var records: UInt64
    var payloadByteCount: UInt64
    var seconds: Double

    /// Payload bytes a second.
    var bytesPerSecond: Double { Double(payloadByteCount) / seconds }
    /// Bytes a second with a frame header of 32 bytes for each record, and padding to 8.
    func framedBytesPerSecond(recordByteCount: Int) -> Double {
      Double(records) * Double((recordByteCount + 7) / 8 * 8 + 32) / seconds
    }
  }

  /// Appends for a while, or until so many bytes of payload were appended, and waits for the final level of the last record.
  func run(
    on queue: EngineQueue,
    seconds limit: Double,
    byteCountLimit: UInt64 = .max
  ) throws -> Outcome {
    let stop = StopFlag()
    let share = byteCountLimit / UInt64(max(recordByteCount, 1)) / UInt64(producers)
    let end = MonotonicClock.now &+ UInt64(limit * 1e9)
    let (results, start) = try Workers.run(
      producers,
      whileRunning: {
        defer { stop.set() }
        guard byteCountLimit == .max else { return }
        let now = MonotonicClock.now
        if end > now { _ = Interruption.sleep(nanoseconds: end - now) }
      },
      body: { index in
        try produce(
          on: queue,
          index: index,
          until: end,
          atMost: share,
          stop: byteCountLimit == .max ? stop : nil
        )
      }
    )
    let last = results.map(\.lastSequence).max() ?? 0
    if finalLevel != .published { try queue.wait(for: last, level: finalLevel) }
    let elapsed = MonotonicClock.seconds(since: start)
    let records = results.reduce(0) { $0 + $1.records }
    return Outcome(
      records: records,
      payloadByteCount: records * UInt64(recordByteCount),
      seconds: elapsed
    )
  }

  private func produce(
    on queue: EngineQueue,
    index: Int,
    until end: UInt64,
    atMost share: UInt64,
    stop: StopFlag?
  ) throws -> (records: UInt64, lastSequence: UInt64) {
    let payload = Payload.bytes(recordByteCount, seed: UInt64(index + 1))
    let bytes = unsafe payload.span.bytes
    var records: UInt64 = 0
    var last: UInt64 = 0
    var batch = EngineBatch()
    if batchCount > 1 { try batch.fill(with: bytes, count: batchCount) }
    // Looked at between steps only: a look at the clock costs as much as an append.
    let step = max(1, min(64, (256 << 10) / max(recordByteCount, 1)))
    while records < share, !Interruption.isRequested {
      // A step at least: a thread that was late to begin has appended something, too.
      let isOver = stop.map { $0.isSet } ?? (MonotonicClock.now >= end)
      if isOver, records > 0 { break }
      if batchCount > 1 {
        if !reusesBatch { try batch.fill(with: bytes, count: batchCount) }
        last = try queue.append(batch)
        records += UInt64(batchCount)
      } else {
        for _ in 0..<step { last = try queue.append(bytes, level: .published) }
        records += UInt64(step)
      }
    }
    return (records, last)
  }
}

/// Bytes for records.
enum Payload {
  /// Bytes that do not compress.
  static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return UInt8(truncatingIfNeeded: state >> 32)
    }
  }
}
