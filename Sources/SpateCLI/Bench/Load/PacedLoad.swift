/// Producers that append at a rate of their own, in millisecond steps, whatever else goes on. Each record begins with the
/// time when it was due, so that whoever reads it knows how long it took.
struct PacedLoad: Sendable {
  var recordByteCount = 1024
  var producers = 2
  /// Payload bytes a second of all producers.
  var bytesPerSecond = 200e6

  /// What a load did.
  struct Outcome: Sendable {
    var records: UInt64
    var seconds: Double
    var payloadByteCount: UInt64

    /// Payload bytes a second, until the last of them was durable.
    var bytesPerSecond: Double { Double(payloadByteCount) / seconds }
  }

  /// Appends for a while, and waits until the last record is durable. A producer that was held up catches up.
  func run(on queue: EngineQueue, seconds: Double) throws -> Outcome {
    let (results, start) = try Workers.run(producers) { index in
      try produce(on: queue, index: index, seconds: seconds)
    }
    try queue.wait(for: results.map(\.lastSequence).max() ?? 0, level: .durable)
    let records = results.reduce(0) { $0 + $1.records }
    return Outcome(
      records: records,
      seconds: MonotonicClock.seconds(since: start),
      payloadByteCount: records * UInt64(recordByteCount)
    )
  }

  private func produce(on queue: EngineQueue, index: Int, seconds: Double) throws -> (
    records: UInt64, lastSequence: UInt64
  ) {
    var payload = Payload.bytes(recordByteCount, seed: UInt64(index + 1))
    let perSecond = bytesPerSecond / Double(producers * recordByteCount)
    let start = MonotonicClock.now
    var records: UInt64 = 0
    var last: UInt64 = 0
    for step in 0..<max(Int(seconds * 1000), 1) where !Interruption.isRequested {
      let due = start + UInt64(step) * 1_000_000
      MonotonicClock.sleep(until: due)
      unsafe payload.withUnsafeMutableBytes { unsafe $0.storeBytes(of: due, as: UInt64.self) }
      let end = max(UInt64(Double(step + 1) * perSecond / 1000), 1)
      while records < end {
        last = try unsafe queue.append(payload.span.bytes, level: .published)
        records += 1
      }
    }
    return (records, last)
  }
}
