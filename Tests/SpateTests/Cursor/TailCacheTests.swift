import Glibc
import Synchronization
import Testing

@testable import Spate

/// What the ring keeps for cursors near the tail, so that they do not fall behind to the disk.
@Suite struct TailCacheTests {
  private func fixture() throws -> StoreFixture {
    try StoreFixture {
      $0.memoryBudgetByteCount = 4 << 20
      $0.maximalChunkByteCount = 64 << 10
      $0.minimalSegmentByteCount = 16 << 20
      $0.maximalSegmentByteCount = 16 << 20
    }
  }

  @Test func whatCursorsHoldWithinTheRingTakesNothingFromTheTail() throws {
    let fixture = try fixture()
    let pins = fixture.store.engine.cursorSupport.pins
    var cursor = try fixture.queue.cursor(batchLimit: 1_000)
    var batches: [Batch] = []
    var count = 0
    // Held all over the ring, until three quarters of what may be held is.
    while pins.byteCount < pins.limit / 4 * 3 {
      for number in count..<count + 20 {
        try fixture.queue.append(CursorFixture.payload(number, 1000), level: .published)
      }
      count += 20
      try fixture.queue.wait(for: UInt64(count - 1))
      while let batch = try cursor.nextBatch() { batches.append(batch) }
      try #require(count < 10_000)
    }
    // Durable long ago, and all of it still there.
    var second = try fixture.queue.cursor()
    #expect(try CursorFixture.drain(&second, byteCount: 1000).count == count)
    #expect(fixture.disk.mapped.total == 0)
    #expect(fixture.store.engine.pool.lentByteCount == 0)
    #expect(batches.reduce(0) { $0 + $1.count } == count)
  }

  @Test func whatCursorsAloneHoldIsCountedUntilTheyLetGo() throws {
    let fixture = try fixture()
    let pool = fixture.store.engine.pool
    do {
      var cursor = try fixture.queue.cursor(batchLimit: 1_000)
      var batches: [Batch] = []
      for number in 0..<8_000 {
        try fixture.queue.append(CursorFixture.payload(number, 1000), level: .published)
        guard number % 500 == 0 else { continue }
        try fixture.queue.wait(for: UInt64(number))
        if let batch = try cursor.nextBatch(), batches.count < 4 { batches.append(batch) }
      }
      try fixture.queue.wait(for: 7_999)
      #expect(pool.lentByteCount > 0)
      #expect(pool.lentByteCount <= pool.budget / 2)
      #expect(batches.reduce(0) { $0 + $1.count } > 0)
    }
    #expect(pool.lentByteCount == 0)
  }

  @Test func aDroppedQueueKeepsNothingFromTheOthers() throws {
    let fixture = try fixture()
    let committer = fixture.store.engine.committer
    weak var core: QueueCore?
    do {
      let doomed = try fixture.store.queue(named: "doomed")
      core = doomed.core
      let cursor = try doomed.cursor()
      try fill(doomed, count: 500)
      // It rests, and keeps what the cursor is to read.
      #expect(kept(committer) > 0)
      #expect(value(of: committer) { $0.resting.count } == 1)
      try fixture.store.drop(queueNamed: "doomed")
      #expect(kept(committer) == 0)
      #expect(value(of: committer) { $0.resting.count } == 0)
      // It was there all the time.
      #expect(cursor.sequence == 0)
    }
    #expect(core == nil)
  }

  /// Appends so many, and waits until the committer has nothing to do for the queue.
  private func fill(_ queue: Queue, count: Int) throws {
    var last: UInt64 = 0
    for number in 0..<count {
      last = try queue.append(CursorFixture.payload(number, 1000), level: .published)
    }
    try queue.wait(for: last)
    let committer = queue.core.engine.committer
    while value(of: committer, { $0.active.isEmpty ? 0 : 1 }) > 0 { usleep(1_000) }
  }

  private func kept(_ committer: Committer) -> Int { value(of: committer) { $0.keptByteCount } }

  /// Looks at the committer on its own thread.
  private func value(of committer: Committer, _ look: @escaping @Sendable (Committer) -> Int) -> Int {
    let value = Atomic<Int>(0)
    committer.perform { value.store(look(committer), ordering: .relaxed) }
    return value.load(ordering: .relaxed)
  }
}
