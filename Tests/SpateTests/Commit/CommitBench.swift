import Testing

@testable import Spate

/// A committer that the test steps, over a ``ScriptedStorage``. One thread.
final class CommitBench {
  let storage = ScriptedStorage()
  let engine: Engine
  private(set) var queues: [Queue] = []
  /// What was appended to each queue; nil for a claim that was given up.
  private(set) var payloads: [[[UInt8]?]]
  private var lastDurable: [UInt64]
  private let segmentByteCount: UInt64

  /// What stale memory is made of; no payload holds eight of it in a row.
  static let stale: UInt8 = 0xA5

  init(
    queueCount: Int = 1,
    segmentByteCount: UInt64 = 1 << 20,
    maximalChunk: Int = 4096,
    budget: Int = 4 << 20,
    claimDeadline: UInt64 = 1 << 60
  ) throws {
    self.segmentByteCount = segmentByteCount
    var options = StoreOptions()
    options.memoryBudgetByteCount = budget
    options.maximalChunkByteCount = maximalChunk
    options.minimalSegmentByteCount = segmentByteCount
    options.maximalSegmentByteCount = segmentByteCount
    options.maximalClaimByteCount = 1 << 20
    options.claimDeadlineNanoseconds = claimDeadline
    engine = try Engine(storage: storage, options: options)
    payloads = Array(repeating: [], count: queueCount)
    lastDurable = Array(repeating: 0, count: queueCount)
    try storage.createDirectory("queues")
    for index in 0..<queueCount {
      let directory = "queues/q\(index)"
      try StoreLayout.makeQueueIfMissing(
        directory,
        storage: storage,
        options: QueueOptions(),
        clock: engine.clock
      )
      let recovered = try QueueRecovery.run(storage: storage, directory: directory)
      let core = QueueCore(
        name: "q\(index)",
        directory: directory,
        recovered: recovered,
        options: QueueOptions(),
        engine: engine
      )
      core.ring.state.withLock { $0.nextCapacity = maximalChunk }
      queues.append(Queue(core: core))
    }
    // Another queue had this memory before.
    var all: [BufferPool.Buffer] = []
    while let buffer = engine.pool.allocate(byteCount: 2 << 20, isSmallHolder: true, waiter: nil) {
      unsafe buffer.address.initializeMemory(as: UInt8.self, repeating: Self.stale, count: buffer.byteCount)
      all.append(buffer)
    }
    for buffer in all { engine.pool.free(buffer) }
    engine.committer.begin()
  }

  var disk: ScriptedQueue { storage.queue }
  func core(_ queue: Int = 0) -> QueueCore { queues[queue].core }
  func writer(_ queue: Int = 0) -> QueueWriter { queues[queue].core.writer }
  func durable(_ queue: Int = 0) -> UInt64 { queues[queue].durableSequence }

  @discardableResult
  func round() -> Bool { engine.committer.round() }

  /// Makes the segments that rings ask for, as the housekeeper would.
  @discardableResult
  func provide() throws -> Bool {
    var any = false
    for queue in queues where queue.ring.state.withLock({ $0.isPreparing }) {
      try engine.prepareSegment(for: queue.core, byteCount: segmentByteCount)
      any = true
    }
    return any
  }

  static func payload(_ queue: Int, _ sequence: Int, _ byteCount: Int) -> [UInt8] {
    // Bytes of a large one are all the same: making them must not take the test's time.
    if byteCount > 100_000 {
      return [UInt8](repeating: UInt8(truncatingIfNeeded: sequence & 63), count: byteCount)
    }
    return (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ sequence &* 13 &+ queue &* 5 &+ 1) }
  }

  /// Appends one record of `byteCount` bytes; false when the queue refuses.
  @discardableResult
  func append(_ byteCount: Int, to queue: Int = 0) throws -> Bool {
    let payload = Self.payload(queue, payloads[queue].count, byteCount)
    while true {
      switch try unsafe queues[queue].tryAppend(payload.span.bytes) {
      case .appended(let sequence):
        #expect(sequence == UInt64(payloads[queue].count))
        payloads[queue].append(payload)
        return true
      default:
        if try !provide() { return false }
      }
    }
  }

  /// Claims one record; the test publishes, abandons or keeps it.
  func claim(_ byteCount: Int, to queue: Int = 0) throws -> Claim? {
    while true {
      // Full: as good as no room.
      if let claim = try? queues[queue].tryClaim(byteCount: byteCount) {
        #expect(claim.sequence == UInt64(payloads[queue].count))
        payloads[queue].append(nil)
        return claim
      }
      if try !provide() { return nil }
    }
  }

  /// Lets all that was submitted succeed, until nothing moves.
  func settle(limit: Int = 10_000) {
    for _ in 0..<limit {
      let moved = round()
      if disk.pending.isEmpty {
        if !moved { return }
      } else {
        disk.complete(0)
      }
    }
    Issue.record("the committer does not come to rest")
  }

  /// Cuts the power now: whatever is said to be durable is there, in order and whole, and nothing else than
  /// what was appended.
  func checkPowerCut(
    survives: () -> Bool = { false },
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let image = storage.afterPowerCut(survives: survives)
    for index in queues.indices {
      let durable = durable(index)
      #expect(durable >= lastDurable[index], sourceLocation: sourceLocation)
      lastDurable[index] = durable
      let writer = writer(index)
      #expect(writer.durable.position <= writer.written.position, sourceLocation: sourceLocation)
      #expect(writer.written.position <= writer.drained.position, sourceLocation: sourceLocation)
      let recovered = try QueueRecovery.run(storage: image, directory: "queues/q\(index)")
      #expect(recovered.report.damages.isEmpty, sourceLocation: sourceLocation)
      #expect(recovered.endSequence >= durable, "queue \(index)", sourceLocation: sourceLocation)
      #expect(recovered.endSequence <= UInt64(payloads[index].count), sourceLocation: sourceLocation)
      let found = try readRecords(recovered, in: image)
      let wanted = payloads[index].prefix(Int(recovered.endSequence)).enumerated().filter {
        $0.element != nil
      }
      #expect(found.map(\.sequence) == wanted.map { UInt64($0.offset) }, sourceLocation: sourceLocation)
      if !zip(found, wanted).allSatisfy({ $0.payload == $1.element }) {
        Issue.record("a recovered record has other bytes", sourceLocation: sourceLocation)
      }
    }
  }

  /// Whether bytes that this memory held before were written to a file.
  var hasLeaked: Bool {
    storage.state.withLock { state in
      state.writes.values.contains { writes in
        writes.contains { write in
          var run = 0
          for byte in write.bytes {
            run = byte == Self.stale ? run + 1 : 0
            if run == 8 { return true }
          }
          return false
        }
      }
    }
  }
}
