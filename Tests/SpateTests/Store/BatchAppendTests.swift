import Testing

@testable import Spate

@Suite struct BatchAppendTests {
  @Test(arguments: IOWay.all)
  func aBatchIsAppendedAsAWhole(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    var batch = RecordBatch()
    var next: UInt64 = 0
    var expected: [[UInt8]] = []
    for round in 0..<40 {
      for number in 0..<(1 + round * 3) {
        let payload = CursorFixture.payload(round * 1000 + number, (round * 37 + number) % 900)
        try batch.append(payload)
        expected.append(payload)
      }
      let level = DurabilityLevel.allCases[round % 3]
      let range = try fixture.queue.append(batch, level: level)
      #expect(range == next..<next + UInt64(batch.count))
      next = range.upperBound
      batch.removeAll()
      #expect(batch.count == 0 && batch.byteCount == 0)
    }
    try fixture.queue.wait(for: next - 1)
    #expect(try fixture.queue.readAll().map(\.payload) == expected)
    try fixture.reopen()
    #expect(try fixture.queue.readAll().map(\.payload) == expected)
  }

  @Test(arguments: IOWay.all)
  func aBatchOfMoreThan16MebibytesIsAppendedAsAWhole(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    var batch = RecordBatch()
    for number in 0..<2500 { try batch.append(StoreFixture.large(number, 7000)) }
    #expect(batch.byteCount > 16 << 20)
    try fixture.queue.append([1], level: .published)
    #expect(try fixture.queue.append(batch) == 1..<2501)
    try fixture.queue.append([2])
    for _ in 0..<2 {
      let mapped = fixture.disk.mapped.total
      let payloads = try fixture.queue.readAll().map(\.payload)
      #expect(payloads.count == 2502)
      // Windows double until the batch fits.
      #expect(fixture.disk.mapped.total - mapped < 6 * batch.byteCount)
      let isRight = payloads.dropFirst().dropLast().enumerated().allSatisfy {
        $0.element == StoreFixture.large($0.offset, 7000)
      }
      #expect(isRight)
      try fixture.reopen()
    }
  }

  @Test func aBatchKeepsKeysHeadersAndTimestampsAndCanBeAppendedAgain() throws {
    let fixture = try StoreFixture()
    var batch = RecordBatch()
    let key: [UInt8] = [1, 2, 3]
    let headers: [UInt8] = [4, 5]
    let payload: [UInt8] = [6]
    try unsafe batch.append(
      payload.span.bytes,
      key: key.span.bytes,
      headers: headers.span.bytes,
      timestamp: 77
    )
    try batch.append([])
    #expect(try fixture.queue.append(batch) == 0..<2)
    #expect(try fixture.queue.append(batch) == 2..<4)
    let records = try fixture.queue.readAll()
    #expect(records[2] == ReadRecord(sequence: 2, payload: [6], key: key, headers: headers, timestamp: 77))
    #expect(records[3].payload == [])
    #expect(records[3].timestamp > 77)
  }

  @Test func anEmptyBatchAppendsNothing() async throws {
    let fixture = try StoreFixture()
    func blocking() throws {
      #expect(try fixture.queue.append(RecordBatch()).isEmpty)
      #expect(failure { try fixture.queue.tryAppend(RecordBatch()) }?.code == .invalidArgument)
    }
    try blocking()
    #expect(try await fixture.queue.append(RecordBatch()).isEmpty)
    #expect(fixture.queue.durableSequence == 0)
  }

  @Test func batchesOfManyThreadsDoNotMix() throws {
    let fixture = try StoreFixture { $0.maximalSegmentByteCount = 256 << 10 }
    let queue = fixture.queue
    try onThreads(5) { producer in
      for round in 0..<60 {
        var batch = RecordBatch()
        for index in 0..<20 { try batch.append([UInt8(producer), UInt8(round), UInt8(index)]) }
        let level: DurabilityLevel = round % 10 == 0 ? .durable : .published
        try queue.append(batch, level: level)
        if round % 3 == 0 { try queue.append([UInt8(producer)], level: .published) }
      }
    }
    try fixture.reopen()
    var index = 0
    var current: [UInt8] = []
    var batches = 0
    for payload in try fixture.queue.readAll().map(\.payload) {
      guard payload.count == 3 else {
        #expect(index == 0, "a record inside another's batch")
        continue
      }
      if index == 0 { current = Array(payload.prefix(2)) }
      #expect(payload == current + [UInt8(index)])
      index = (index + 1) % 20
      batches += index == 0 ? 1 : 0
    }
    #expect(batches == 300)
  }

  @Test func cursorsSeeABatchAsAWholeWhileItIsWritten() throws {
    let fixture = try StoreFixture()
    let queue = fixture.queue
    try onThreads(2) { thread in
      if thread == 0 {
        for round in 0..<300 {
          var batch = RecordBatch()
          for _ in 0..<10 { try batch.append(CursorFixture.payload(round, 50)) }
          try queue.append(batch, level: round % 50 == 0 ? .durable : .published)
        }
        return
      }
      var cursor = try queue.cursor(following: .published)
      var seen = 0
      while seen < 3000 {
        // Once the first record of a batch is seen the others are, too.
        var isThere = false
        if try cursor.next(until: nil) != nil { isThere = true }
        #expect(isThere)
        for _ in 1..<10 {
          var follows = false
          if try cursor.next() != nil { follows = true }
          #expect(follows)
        }
        seen += 10
      }
    }
  }
}
