import Synchronization
import Testing

@testable import Spate

@Suite struct BatchTests {
  @Test(arguments: [false, true]) func aBatchOutlivesTheMovesOfItsCursor(reopened: Bool) throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<5000)
    if reopened { try fixture.reopen() }
    var cursor = try fixture.queue.cursor()
    let first = try #require(try cursor.nextBatch(maximalCount: 100))
    let second = try #require(try cursor.nextBatch(maximalCount: 3000))
    #expect(first.count == 100)
    try fixture.append(5000..<30_000)
    _ = try CursorFixture.drain(&cursor)
    #expect(sequences(of: first) == Array(0..<100))
    #expect(sequences(of: second) == Array(100..<UInt64(100 + second.count)))
    #expect(second.firstSequence == 100)
    #expect(second.endSequence == 100 + UInt64(second.count))
    #expect(first.withRecord(at: 42) { $0.sequence } == 42)
  }

  @Test func batchesOutliveTheirCursor() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<100)
    var batch: Batch?
    do {
      var cursor = try fixture.queue.cursor()
      batch = try cursor.nextBatch()
    }
    try fixture.append(100..<40_000)
    #expect(sequences(of: try #require(batch)) == Array(0..<100))
  }

  @Test func onlySoManyBatchesAreOut() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<100)
    var cursor = try fixture.queue.cursor(batchLimit: 2)
    let first = try #require(try cursor.nextBatch(maximalCount: 10))
    var second = try cursor.nextBatch(maximalCount: 10)
    var code: SpateError.Code?
    do { _ = try cursor.nextBatch(maximalCount: 10) } catch { code = error.code }
    #expect(code == .busy)
    first.release()
    first.release()
    let third = try #require(try cursor.nextBatch(maximalCount: 10))
    #expect(third.firstSequence == 20)
    #expect(second?.firstSequence == 10)
    second = nil
    #expect(try cursor.nextBatch(maximalCount: 10)?.firstSequence == 30)
  }

  @Test func batchesKeepTheirBounds() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<1000)
    var cursor = try fixture.queue.cursor()
    #expect(try cursor.nextBatch(maximalCount: 7)?.count == 7)
    let bounded = try #require(try cursor.nextBatch(byteCount: 136 * 5))
    #expect(bounded.count == 5)
    bounded.release()
    #expect(try cursor.nextBatch(maximalCount: 1, byteCount: 1)?.count == 1)
    #expect(try cursor.nextBatch(maximalCount: 10_000, byteCount: 1 << 30)?.endSequence == 1000)
    #expect(try cursor.nextBatch() == nil)
  }

  @Test func aBatchCanBeReadByManyAndReleasedMeanwhile() async throws {
    let fixture = try CursorFixture()
    try Self.fill(fixture)
    let queue = fixture.queue
    for try await batch in try queue.batches(maximalCount: 1000) {
      let sum = await withTaskGroup(of: UInt64.self) { group in
        for _ in 0..<4 {
          group.addTask {
            var sum: UInt64 = 0
            batch.forEach { sum += $0.sequence }
            return sum
          }
        }
        return await group.reduce(0, +)
      }
      #expect(sum == 4 * (batch.firstSequence..<batch.endSequence).reduce(0, +))
      batch.release()
      if batch.endSequence == 5000 { break }
    }
  }

  private static func fill(_ fixture: CursorFixture) throws { try fixture.append(0..<5000) }

  @Test func readingAReleasedBatchTraps() async {
    await #expect(processExitsWith: .failure) {
      let fixture = try CursorFixture()
      try BatchTests.fill(fixture)
      try BatchTests.misuse(fixture)
    }
  }

  private static func misuse(_ fixture: CursorFixture) throws {
    var cursor = try fixture.queue.cursor()
    let batch = try cursor.nextBatch()
    batch?.release()
    batch?.forEach { _ in }
  }
}
