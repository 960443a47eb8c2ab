import Spate

/// One thread's appends. Used by that thread only.
final class Producer {
  private let queue: Queue
  private let life: UInt64
  private let producer: UInt32
  private let largestByteCount: UInt64
  private var random: SplitMix
  private var number: UInt64 = 0
  /// Published records whose level is awaited later.
  private var pending: [(sequence: UInt64, hash: UInt64)] = []

  /// `largestByteCount` bounds the few large records.
  init(queue: Queue, life: UInt64, producer: UInt32, seed: UInt64, largestByteCount: UInt64 = 60_000) {
    self.largestByteCount = largestByteCount
    self.queue = queue
    self.life = life
    self.producer = producer
    random = SplitMix(state: seed)
  }

  func run() {
    do {
      while true { try step() }
    } catch {
      Output.fail("\(error)")
    }
  }

  private func step() throws(SpateError) {
    let level: DurabilityLevel = random.next() % 3 == 0 ? .written : .durable
    switch random.next() % 100 {
    case 0..<55: try appendOne(next(upTo: 600), level: level)
    case 55..<60: try appendOne(next(upTo: largestByteCount), level: level)
    case 60..<75: try appendBatch(level: level)
    case 75..<90: try publish()
    case 90..<96: try claim(level: level)
    default: try appendExpected(level: level)
    }
  }

  private func next(upTo byteCount: UInt64) -> [UInt8] {
    number += 1
    return CrashRecord.payload(
      life: life,
      producer: producer,
      number: number,
      byteCount: CrashRecord.headByteCount + Int(random.next() % byteCount)
    )
  }

  private func acknowledge(_ records: [(sequence: UInt64, hash: UInt64)], _ level: DurabilityLevel) {
    Output.write(records.map { "\(queue.name) \($0.sequence) \($0.hash) \(level)\n" }.joined())
  }

  private func appendOne(_ payload: [UInt8], level: DurabilityLevel) throws(SpateError) {
    let sequence = try queue.append(payload, level: level)
    acknowledge([(sequence, CrashRecord.hash(payload))], level)
  }

  private func appendBatch(level: DurabilityLevel) throws(SpateError) {
    let count = Int(2 + random.next() % 20)
    var batch = RecordBatch()
    var hashes: [UInt64] = []
    for index in 0..<count {
      number += 1
      let payload = CrashRecord.payload(
        life: life,
        producer: producer,
        number: number,
        batchIndex: index,
        batchCount: count,
        byteCount: CrashRecord.headByteCount + Int(random.next() % 900)
      )
      hashes.append(CrashRecord.hash(payload))
      try batch.append(payload)
    }
    let range = try queue.append(batch, level: level)
    acknowledge(zip(range, hashes).map { ($0, $1) }, level)
  }

  /// A burst that is published, then awaited as a whole by its last record.
  private func publish() throws(SpateError) {
    for _ in 0..<(1 + random.next() % 12) {
      let payload = next(upTo: 3_000)
      pending.append((try queue.append(payload, level: .published), CrashRecord.hash(payload)))
    }
    guard let last = pending.last else { return }
    let level: DurabilityLevel = random.next() % 2 == 0 ? .durable : .written
    try queue.wait(for: last.sequence, level: level)
    acknowledge(pending, level)
    pending.removeAll()
  }

  private func claim(level: DurabilityLevel) throws(SpateError) {
    let payload = next(upTo: 2_000)
    var claim = try queue.claim(byteCount: payload.count)
    let sequence = claim.sequence
    if random.next() % 4 == 0 { return claim.abandon() }
    // SAFETY: the span has as many bytes as the claim was made for.
    var bytes = claim.bytes
    unsafe bytes.withUnsafeMutableBytes { unsafe $0.copyBytes(from: payload) }
    do throws(SpateError) {
      try claim.publish(level: level)
    } catch {
      // A machine under load may hold this thread up beyond the deadline.
      guard error.code == .expired else { throw error }
      return
    }
    acknowledge([(sequence, CrashRecord.hash(payload))], level)
  }

  private func appendExpected(level: DurabilityLevel) throws(SpateError) {
    let payload = next(upTo: 600)
    var sequence = queue.durableSequence
    // Others append as well: follow them, but not for ever.
    for _ in 0..<50 {
      switch try unsafe queue.append(payload.span.bytes, at: sequence, level: level) {
      case .appended: return acknowledge([(sequence, CrashRecord.hash(payload))], level)
      case .already(let next), .gap(let next): sequence = next
      default: return
      }
    }
  }
}

/// A small generator that a seed replays.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
