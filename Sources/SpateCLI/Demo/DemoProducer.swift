import Spate

/// Appends one producer's records as the plan says, each tick's when they are due. One thread.
struct DemoProducer {
  /// Few enough for one claim of the ring.
  private static let batchByteLimit = 64 << 10
  /// Behind the plan by no more than this is with it.
  private static let toleranceNanoseconds: UInt64 = 5_000_000

  let producer: UInt64
  let plan: DemoPlan
  /// When the plan began: monotonic ns.
  let start: UInt64
  let records: DemoRecords
  let flight: DemoFlight

  /// Appends everything from a number on, then ends. What is due already is appended at once.
  func run(from first: UInt64) throws {
    var number = first
    var isCatchingUp = first > 0
    var batch = RecordBatch()
    var payload: [UInt8] = []
    var key: [UInt8] = []
    for tick in plan.tick(of: first, producer: producer)..<plan.tickCount {
      let due = start + tick * DemoPlan.tickNanoseconds
      let end = plan.recordCount(of: producer, before: tick + 1)
      guard number < end else { continue }
      MonotonicClock.sleep(until: due)
      if isCatchingUp, MonotonicClock.now < due + Self.toleranceNanoseconds { isCatchingUp = false }
      while number < end {
        batch.removeAll()
        let first = number
        while number < end, batch.byteCount < Self.batchByteLimit {
          payload.removeAll(keepingCapacity: true)
          records.append(producer: producer, number: number, to: &payload)
          DemoKey(producer: producer, number: number).write(to: &key)
          try unsafe batch.append(payload.span.bytes, key: key.span.bytes)
          number += 1
        }
        let count = number - first
        guard flight.admit(count: count) else { return }
        let sequences = try flight.queue.append(batch, level: .published)
        flight.note(
          DemoBatch(
            producer: producer,
            firstNumber: first,
            firstSequence: sequences.lowerBound,
            count: count,
            due: due,
            acknowledged: 0,
            isCatchingUp: isCatchingUp
          )
        )
      }
    }
  }
}
