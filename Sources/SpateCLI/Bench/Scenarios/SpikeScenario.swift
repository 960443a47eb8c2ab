/// A rate that steps up, stays, and steps down again; how long records take from when they were due until they are durable,
/// before, in and after.
///
/// Each millisecond has its records, all due at its beginning, whatever the engine does: a record that is late because
/// those before it were late is late.
struct SpikeScenario: BenchScenario {
  var recordByteCount = 256
  var recordsPerSecond = 20_000.0
  var factor = 20.0
  /// How long the step stays; calm before and after are a quarter of that each.
  var spikeSeconds = 10.0

  private static let tickNanoseconds: UInt64 = 1_000_000
  private static let names = ["before", "spike", "after"]

  private var calmSeconds: Double { spikeSeconds / 4 }
  private var ticks: Int { Int((calmSeconds * 2 + spikeSeconds) * 1000) }

  func byteCount(_ scale: BenchScale) -> UInt64 { LoadBed.byteCount(scale) }

  func run(_ context: BenchContext) throws -> [BenchRow] {
    let bed = try LoadBed(context, name: "spike", retainedByteCount: 512 << 20)
    defer { bed.close() }
    var raw = [try rawWrite(context)]
    let record = SpikeRecord(ticks: ticks)
    var cost = BenchCost()
    let meter = CostMeter(bed.queue)
    let start = MonotonicClock.now + 10_000_000
    let plan = self
    let appended = Handover<SpikeRecord.Tick>()
    let producer = try ResultThread { try plan.produce(on: bed.queue, from: start, appended) }
    let acknowledger = try ResultThread { try record.gather(appended, on: bed.queue) }
    var failure: (any Error)?
    do { try follow(context, from: start) } catch { failure = error }
    do { try producer.join() } catch { failure = failure ?? error }
    appended.close()
    do { try acknowledger.join() } catch { failure = failure ?? error }
    if let failure { throw failure }
    let records = record.recordCount
    cost.add(meter, records: records, byteCount: records * UInt64(recordByteCount))
    raw.append(try rawWrite(context))
    context.spike = record.samples(from: start, count: min(150, max(ticks / 20, 1)))
    return rows(record, from: start, raw: raw, cost: cost)
  }

  private func rows(_ record: SpikeRecord, from start: UInt64, raw: [Latencies], cost: BenchCost)
    -> [BenchRow]
  {
    let edges = [0, calmSeconds, calmSeconds + spikeSeconds, calmSeconds * 2 + spikeSeconds]
    return Self.names.indices.flatMap { phase in
      let latencies = record.latencies(from: start, seconds: edges[phase]..<edges[phase + 1])
      let rate = Decimal.short(recordsPerSecond * (phase == 1 ? factor : 1)).replacing(".0 ", with: " ")
      return [("p50", 50.0), ("p99", 99), ("p99.9", 99.9)].map { name, percentile in
        let value = latencies.microseconds(at: percentile)
        return BenchRow(
          "spike",
          "\(Self.names[phase]), \(rate)/s, \(name)",
          unit: "µs",
          better: .lower,
          values: [value],
          cost: cost
        ).beside(
          "raw 4 KiB synced writes",
          Comparison(measured: [value], limits: raw.map { $0.microseconds(at: percentile) })
        )
      }
    }
  }

  private func rawWrite(_ context: BenchContext) throws -> Latencies {
    try context.limits.durableWriteLoop(seconds: context.limitSeconds).latencies
  }

  private func follow(_ context: BenchContext, from start: UInt64) throws {
    let end = start + UInt64(ticks) * Self.tickNanoseconds
    while MonotonicClock.now < end {
      let seconds = Double(Int64(bitPattern: MonotonicClock.now &- start)) / 1e9
      let phase = seconds < calmSeconds ? 0 : seconds < calmSeconds + spikeSeconds ? 1 : 2
      try context.step(Self.names[phase])
      try context.pause(seconds: min(0.2, MonotonicClock.seconds(since: MonotonicClock.now, until: end)))
    }
  }

  /// How many records are due before a tick.
  private func recordCount(before tick: Int) -> Int {
    let seconds = Double(tick) / 1000
    let spiked = min(max(seconds - calmSeconds, 0), spikeSeconds)
    return Int((seconds - spiked) * recordsPerSecond + spiked * recordsPerSecond * factor)
  }

  private func produce(on queue: EngineQueue, from start: UInt64, _ appended: Handover<SpikeRecord.Tick>)
    throws
  {
    let payload = Payload.bytes(recordByteCount, seed: 1)
    let bytes = unsafe payload.span.bytes
    for tick in 0..<ticks where !Interruption.isRequested {
      let due = start + UInt64(tick) * Self.tickNanoseconds
      MonotonicClock.sleep(until: due)
      let count = recordCount(before: tick + 1) - recordCount(before: tick)
      var last: UInt64 = 0
      for _ in 0..<count { last = try queue.append(bytes, level: .published) }
      if count > 0 { appended.put(SpikeRecord.Tick(due: due, sequence: last, count: UInt64(count))) }
    }
  }
}
