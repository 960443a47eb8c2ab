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
    /// User and system time of the whole process, the producers' too.
    var cpuSeconds: Double

    /// Payload bytes a second.
    var bytesPerSecond: Double { Double(payloadByteCount) / seconds }
    /// CPU time for each 10^9 bytes of payload.
    var cpuSecondsPerGigabyte: Double { cpuSeconds / (Double(payloadByteCount) / 1e9) }
    /// Bytes a second with a frame header of 32 bytes for each record, and padding to 8.
    func framedBytesPerSecond(recordByteCount: Int) -> Double {
      Double(records) * Double((recordByteCount + 7) / 8 * 8 + 32) / seconds
    }
  }

  /// Appends for a while, or until so many bytes of payload were appended, and waits for the final level of the last record.
  func run(
    on queue: EngineQueue,
    seconds limit: Double,
    byteCountLimit: UInt64 = .max,
    whileRunning: () throws -> Void = {}
  ) throws -> Outcome {
    let stop = StopFlag()
    let usage = ProcessUsage.now()
    let share = byteCountLimit / UInt64(max(recordByteCount, 1)) / UInt64(producers)
    let end = nanosecondsNow() &+ UInt64(limit * 1e9)
    let (results, start) = try Workers.run(
      producers,
      whileRunning: {
        defer { stop.set() }
        try whileRunning()
        if byteCountLimit == .max { pause(untilNanoseconds: end) }
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
    let elapsed = elapsedSeconds(from: start)
    let records = results.reduce(0) { $0 + $1.records }
    return Outcome(
      records: records,
      payloadByteCount: records * UInt64(recordByteCount),
      seconds: elapsed,
      cpuSeconds: ProcessUsage.now().cpuSeconds - usage.cpuSeconds
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
    while records < share {
      if let stop { if stop.isSet { break } } else if nanosecondsNow() >= end { break }
      if batchCount > 1 {
        if !reusesBatch { try batch.fill(with: bytes, count: batchCount) }
        last = try queue.append(batch)
        records += UInt64(batchCount)
      } else {
        for _ in 0..<64 { last = try queue.append(bytes, level: .published) }
        records += 64
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
