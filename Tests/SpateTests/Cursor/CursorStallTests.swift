import Testing

@testable import Spate

@Suite struct CursorStallTests {
  @Test func aStalledCursorKeepsItsBytesAndHoldsUpNobody() throws {
    let fixture = try CursorFixture()
    var cursor = try fixture.queue.cursor(following: .published)
    try fixture.append(0..<10)
    do {
      guard let record = try cursor.next() else { throw CursorFixture.Missing() }
      // Four times the memory budget, while the view is lent.
      let before = fixture.queue.statistics
      try fixture.append(10..<16_000, byteCount: 1000)
      #expect(before.durableSequence == 10)
      #expect(fixture.queue.durableSequence == 16_000)
      #expect(CursorFixture.bytes(record.payload) == CursorFixture.payload(0))
    }
    for number in 1..<16_000 {
      guard let record = try cursor.next() else { throw CursorFixture.Missing() }
      #expect(CursorFixture.bytes(record.payload) == CursorFixture.payload(number, number < 10 ? 100 : 1000))
    }
  }

  @Test func stalledCursorsHoldNoMoreThanHalfOfTheBudget() throws {
    let fixture = try CursorFixture()
    let support = fixture.store.engine.cursorSupport
    var batches: [Batch] = []
    var cursor = try fixture.queue.cursor(following: .published, batchLimit: 10_000)
    var expected: UInt64 = 0
    for round in 0..<12_000 {
      try fixture.queue.append(CursorFixture.payload(round, 1000), level: .published)
      guard round % 20 == 19 else { continue }
      let batch = try #require(try cursor.nextBatch())
      #expect(batch.firstSequence == expected)
      expected = batch.endSequence
      batches.append(batch)
      #expect(support.pins.byteCount <= support.pins.limit)
    }
    #expect(expected == 12_000)
    for batch in batches { #expect(sequences(of: batch, byteCount: 1000).count == batch.count) }
    batches.removeAll()
    #expect(support.pins.byteCount <= 1 << 20)
    try fixture.append(12_000..<13_000, byteCount: 1000)
  }

  @Test func aCursorAtTheTailHoldsNoDescriptorAndLetsGoOfItsWindow() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<3000)
    try fixture.reopen()
    var cursor = try fixture.queue.cursor()
    let segments = fixture.queue.core.catalog.segments
    _ = try cursor.next()
    #expect(fixture.queue.core.cursors.isInUse(segment: segments[0].number))
    #expect(try CursorFixture.drain(&cursor).count == 2999)
    for segment in segments { #expect(!fixture.queue.core.cursors.isInUse(segment: segment.number)) }
  }

  @Test func aCursorAtTheEndOfATrimmedSegmentHasLostNothing() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<3000)
    try fixture.reopen()
    let second = fixture.queue.core.catalog.segments[1].baseSequence
    var cursor = try fixture.queue.cursor()
    while cursor.sequence < second { _ = try cursor.next() }
    try fixture.queue.trim(before: second)
    #expect(fixture.queue.core.catalog.first?.baseSequence == second)
    let record = try cursor.next()
    #expect(record?.sequence == second)
  }

  @Test func theLedgerCountsAChunkOnce() throws {
    let fixture = try CursorFixture()
    let support = fixture.store.engine.cursorSupport
    try fixture.append(0..<10)
    do {
      var first = try fixture.queue.cursor()
      var second = try fixture.queue.cursor()
      _ = try first.next()
      let held = support.pins.byteCount
      #expect(held > 0)
      _ = try second.next()
      #expect(support.pins.byteCount == held)
    }
    #expect(support.pins.byteCount == 0)
  }
}
