@testable import Spate

// Those who append.
extension Simulation {
  func nextRecord() -> SimulatedRecord {
    identity += 1
    let byteCount =
      switch random.below(20) {
      case 0: 0
      case 1: random.below(8)
      case 2: random.within(4000...4200)
      case 3: random.within(2000...24_000)
      default: random.within(8...900)
      }
    return SimulatedRecord(identity: identity, byteCount: byteCount)
  }

  /// One append of some kind; `isSimple` keeps to those that ask for nothing but room.
  func produce(to open: SimulatedQueue, isSimple: Bool = false) {
    guard !open.model.isOpaque else { return }
    let handle = anyHandle(of: open)
    do {
      switch random.below(isSimple ? 12 : 20) {
      case 0..<9: try appendOne(to: open, by: handle)
      case 9..<12: try appendBatch(to: open, by: handle)
      case 12, 13: try claim(from: open, by: handle)
      case 14: try appendExpected(to: open, by: handle)
      default:
        if let sequence = try appendOne(to: open, by: handle) { try waitFor(sequence, of: open) }
      }
    } catch {
      note("append to \(open.model.name): \(error)")
      judgeRefusal(error, of: handle)
    }
  }

  @discardableResult
  private func appendOne(to open: SimulatedQueue, by handle: Queue) throws(SpateError) -> UInt64? {
    let record = nextRecord()
    let isFenced = handle.isFenced
    guard case .appended(let sequence) = try unsafe handle.tryAppend(record.payload.span.bytes) else {
      if isFenced, storage.isAlive {
        wrong.append("an append of epoch \(handle.fence) was not told that it is too late")
      }
      return nil
    }
    took([record], at: sequence, open, by: handle, isFenced: isFenced)
    return sequence
  }

  private func appendBatch(to open: SimulatedQueue, by handle: Queue) throws(SpateError) {
    let records = (0..<random.within(1...6)).map { _ in nextRecord() }
    var batch = RecordBatch()
    for record in records { try batch.append(record.payload) }
    let isFenced = handle.isFenced
    guard case .appended(let sequence) = try handle.tryAppend(batch) else { return }
    took(records, at: sequence, open, by: handle, isFenced: isFenced)
  }

  private func appendExpected(to open: SimulatedQueue, by handle: Queue) throws(SpateError) {
    let record = nextRecord()
    let end = open.model.end
    let wanted = random.chance(70) ? end : end &+ UInt64(random.below(3)) &- 1
    let isFenced = handle.isFenced
    let outcome = try unsafe handle.append(record.payload.span.bytes, at: wanted, level: .published)
    switch outcome {
    case .appended: took([record], at: wanted, open, by: handle, isFenced: isFenced)
    case .already(let next), .gap(let next):
      if next != end { wrong.append("the next sequence is \(end), and \(next) was said") }
    default: break
    }
  }

  private func claim(from open: SimulatedQueue, by handle: Queue) throws(SpateError) {
    guard open.claims.count < 3 else { return }
    let record = nextRecord()
    let isFenced = handle.isFenced
    guard let claim = try handle.tryClaim(byteCount: record.byteCount) else { return }
    let taken = OpenClaim(claim, record)
    took([record], at: taken.sequence, open, by: handle, isFenced: isFenced, as: .claimed)
    open.claims.append(taken)
  }

  /// Publishes or gives up a claim that is out.
  func settleClaim(of open: SimulatedQueue) {
    guard !open.claims.isEmpty else { return }
    let claim = open.claims.remove(at: random.below(open.claims.count))
    if random.chance(30) {
      claim.abandon()
      return open.model.settle(claim.sequence, claim.record, as: .abandoned)
    }
    // The model first: whoever sees the publish may read the record at once.
    let isPublished = (try? claim.publish()) ?? false
    open.model.settle(claim.sequence, claim.record, as: isPublished ? .published : .abandoned)
  }

  /// - Parameter isFenced: whether a newer epoch than that of `handle` was in force before the append.
  func took(
    _ records: [SimulatedRecord],
    at sequence: UInt64,
    _ open: SimulatedQueue,
    by handle: Queue,
    isFenced: Bool,
    as state: QueueModel.Entry.State = .published
  ) {
    guard storage.isAlive, !open.model.isOpaque else { return }
    if isFenced || handle.fence < open.model.fence {
      wrong.append("an append of epoch \(handle.fence) got sequence \(sequence) behind \(open.model.fence)")
    }
    if sequence != open.model.end {
      wrong.append("a record got sequence \(sequence), and \(open.model.end) was next")
    }
    open.model.append(records, fence: handle.fence, state: state)
    note("\(open.model.name): \(records.count) at \(sequence) \(state), epoch \(handle.fence)")
  }

  private func waitFor(_ sequence: UInt64, of open: SimulatedQueue) throws(SpateError) {
    let level: DurabilityLevel = random.chance(70) ? .durable : .written
    try open.queue.wait(for: sequence, level: level)
    guard storage.isAlive else { return }
    let marks = open.queue.core.watermarks
    if sequence >= (level == .durable ? marks.durableSequence : marks.writtenSequence) {
      wrong.append("a wait for record \(sequence) ended too early")
    }
  }
}
