import Synchronization
import Testing

@testable import Spate

/// Reads batches while other calls of the same actor come in between.
private actor ReentrantConsumer {
  private var sequences: [UInt64] = []
  private var touches = 0

  func consume(_ batches: BatchSequence, until end: UInt64) async throws {
    for try await batch in batches {
      var first: UInt64?
      batch.forEach { first = first ?? $0.sequence }
      // Others run on this actor here, while the batch is lent.
      await Task.yield()
      batch.forEach { record in
        #expect(CursorFixture.bytes(record.payload) == CursorFixture.payload(Int(record.sequence)))
        sequences.append(record.sequence)
      }
      #expect(first == batch.firstSequence)
      batch.release()
      if batch.endSequence >= end { return }
    }
  }

  func touch() { touches += 1 }
  var found: [UInt64] { sequences }
  var count: Int { sequences.count }
}

private final class ClassConsumer: Sendable {
  let batches: BatchSequence
  let sequences = Mutex<[UInt64]>([])

  init(_ batches: BatchSequence) { self.batches = batches }

  func consume(until end: UInt64) async throws {
    var iterator = batches.makeAsyncIterator()
    while let batch = try await iterator.next() {
      sequences.withLock { found in batch.forEach { found.append($0.sequence) } }
      batch.release()
      if batch.endSequence >= end { return }
    }
  }
}

@Suite struct BatchSequenceTests {
  private func feed(_ queue: Queue, _ numbers: Range<Int>) async throws {
    for number in numbers {
      try await queue.append(CursorFixture.payload(number), level: number % 50 == 0 ? .durable : .published)
    }
  }

  @Test(arguments: DurabilityLevel.allCases) func aReentrantActorReadsWholeBatches(level: DurabilityLevel)
    async throws
  {
    let fixture = try CursorFixture()
    let queue = fixture.queue
    let consumer = ReentrantConsumer()
    let batches = try queue.batches(following: level, maximalCount: 64)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await consumer.consume(batches, until: 3000) }
      group.addTask { try await self.feed(queue, 0..<3000) }
      group.addTask { for _ in 0..<1000 { await consumer.touch() } }
      try await group.waitForAll()
    }
    #expect(await consumer.found == Array(0..<3000))
  }

  @Test func twoLoopsOfOneActorShareASequence() async throws {
    let fixture = try CursorFixture()
    let queue = fixture.queue
    try await feed(queue, 0..<2000)
    try await queue.wait(for: 1999)
    let consumer = ReentrantConsumer()
    let batches = try queue.batches(maximalCount: 10)
    let first = Task { try await consumer.consume(batches, until: 2000) }
    let second = Task { try await consumer.consume(batches, until: 2000) }
    while await consumer.count < 2000 { await Task.yield() }
    first.cancel()
    second.cancel()
    try await first.value
    try await second.value
    #expect(await consumer.found.sorted() == Array(0..<2000))
  }

  @Test func aClassReadsFromTheSegments() async throws {
    let fixture = try CursorFixture()
    try Self.prepare(fixture)
    let consumer = ClassConsumer(try fixture.queue.batches(from: .sequence(100)))
    try await consumer.consume(until: 5000)
    #expect(consumer.sequences.withLock { $0 } == Array(100..<5000))
  }

  private static func prepare(_ fixture: CursorFixture) throws {
    try fixture.append(0..<5000)
    try fixture.reopen()
  }

  @Test func tasksOfAGroupEachReadAll() async throws {
    let fixture = try CursorFixture()
    try Self.prepare(fixture)
    let queue = fixture.queue
    let totals = try await withThrowingTaskGroup(of: UInt64.self) { group in
      for _ in 0..<8 {
        group.addTask {
          var sum: UInt64 = 0
          for try await batch in try queue.batches() {
            batch.forEach { sum += $0.sequence }
            batch.release()
            if batch.endSequence == 6000 { break }
          }
          return sum
        }
      }
      group.addTask {
        try await self.feed(queue, 5000..<6000)
        return 0
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(totals.filter { $0 == 5999 * 6000 / 2 }.count == 8)
  }

  @Test(arguments: DurabilityLevel.allCases) func cancellingEndsTheSequence(level: DurabilityLevel)
    async throws
  {
    let fixture = try CursorFixture()
    let queue = fixture.queue
    try await feed(queue, 0..<10)
    try await queue.wait(for: 9)
    let batches = try queue.batches(following: level)
    let (seen, report) = AsyncStream.makeStream(of: UInt64.self)
    let task = Task {
      for try await batch in batches { report.yield(batch.endSequence) }
      report.finish()
    }
    var iterator = seen.makeAsyncIterator()
    while let end = await iterator.next(), end < 10 {}
    // The task waits at the tail now, or is about to.
    await Task.yield()
    task.cancel()
    try await task.value
    // The place is kept for the next iterator.
    try await feed(queue, 10..<20)
    var next = batches.makeAsyncIterator()
    #expect(try await next.next()?.firstSequence == 10)
  }

  @Test func theSequenceSuspendsUntilABatchIsReleased() async throws {
    let fixture = try CursorFixture()
    let queue = fixture.queue
    try await feed(queue, 0..<100)
    try await queue.wait(for: 99)
    let batches = try queue.batches(maximalCount: 10, batchLimit: 2)
    var iterator = batches.makeAsyncIterator()
    let first = try #require(try await iterator.next())
    let second = try #require(try await iterator.next())
    let third = Task {
      var iterator = batches.makeAsyncIterator()
      return try await iterator.next()
    }
    for _ in 0..<100 { await Task.yield() }
    first.release()
    #expect(try await third.value?.firstSequence == 20)
    #expect(second.firstSequence == 10)
    second.release()
  }

  @Test(arguments: DurabilityLevel.allCases) func closingTheStoreEndsTheSequenceWithAnError(
    level: DurabilityLevel
  ) async throws {
    let fixture = try CursorFixture()
    let store = fixture.store
    let queue = fixture.queue
    try await feed(queue, 0..<10)
    try await queue.wait(for: 9)
    let batches = try queue.batches(following: level)
    let task = Task {
      var count = 0
      do {
        for try await batch in batches { count += batch.count }
      } catch {
        #expect((error as? SpateError)?.code == .closed)
      }
      return count
    }
    for _ in 0..<50 { await Task.yield() }
    try Self.close(store)
    #expect(await task.value == 10)
  }

  private static func close(_ store: Store) throws { try store.close() }

  @Test func aCursorGoesOnAsASequence() async throws {
    let fixture = try CursorFixture()
    let batches = try Self.begin(fixture)
    var iterator = batches.makeAsyncIterator()
    #expect(try await iterator.next()?.firstSequence == 3)
  }

  private static func begin(_ fixture: CursorFixture) throws -> BatchSequence {
    try fixture.append(0..<10)
    var cursor = try fixture.queue.cursor()
    for _ in 0..<3 { _ = try cursor.next() }
    return cursor.batches()
  }
}
