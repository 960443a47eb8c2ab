import Synchronization
import Testing

@testable import Spate
@testable import SpateCrashChild

/// Single appends, on every way of input and output.
@Suite struct AppendTests {
  @Test(arguments: IOWay.all, DurabilityLevel.allCases)
  func anAppendReturnsOnceItsLevelIsReached(way: IOWay, level: DurabilityLevel) throws {
    let fixture = try StoreFixture(way)
    for number in 0..<30 {
      #expect(try fixture.queue.append(CursorFixture.payload(number), level: level) == UInt64(number))
      let statistics = fixture.queue.statistics
      if level == .written { #expect(statistics.writtenSequence == UInt64(number) + 1) }
      if level == .durable { #expect(fixture.queue.durableSequence == UInt64(number) + 1) }
    }
    try fixture.queue.wait(for: 29)
    #expect(try fixture.queue.readAll().map(\.payload) == (0..<30).map { CursorFixture.payload($0) })
  }

  @Test(arguments: IOWay.all)
  func recordsOfManyThreadsAreThereOnceAndInOrderOfEachProducer(way: IOWay) throws {
    let fixture = try StoreFixture(way) {
      // Many rolls.
      $0.maximalSegmentByteCount = 256 << 10
      $0.memoryBudgetByteCount = 8 << 20
    }
    let queue = fixture.queue
    let producers = 6
    let each = 600
    let given = Mutex<[UInt64: UInt64]>([:])
    try onThreads(producers) { producer in
      var random = SplitMix(state: UInt64(producer))
      var before: UInt64?
      for number in 1...each {
        let payload = CrashRecord.payload(
          life: 1,
          producer: UInt32(producer),
          number: UInt64(number),
          byteCount: CrashRecord.headByteCount + Int(random.next() % (number % 50 == 0 ? 40_000 : 700))
        )
        let level: DurabilityLevel = number % 40 == 0 ? .durable : number % 7 == 0 ? .written : .published
        let sequence = try queue.append(payload, level: level)
        if let before { #expect(sequence > before) }
        before = sequence
        let other = given.withLock { $0.updateValue(CrashRecord.hash(payload), forKey: sequence) }
        #expect(other == nil, "sequence \(sequence) was given twice")
      }
    }
    try queue.wait(for: UInt64(producers * each - 1))
    try check(queue, given: given.withLock { $0 }, each: each)
    try fixture.reopen()
    #expect(fixture.queue.recoveryReport.damages.isEmpty)
    try check(fixture.queue, given: given.withLock { $0 }, each: each)
  }

  private func check(_ queue: Queue, given: [UInt64: UInt64], each: Int) throws {
    let records = try queue.readAll()
    #expect(records.map(\.sequence) == Array(0..<UInt64(given.count)))
    var last: [UInt32: UInt64] = [:]
    for record in records {
      #expect(given[record.sequence] == CrashRecord.hash(record.payload))
      let head = try #require(CrashRecord.Head(record.payload))
      #expect(head.number == (last[head.producer] ?? 0) + 1)
      last[head.producer] = head.number
    }
    #expect(last.values.allSatisfy { $0 == UInt64(each) })
  }

  @Test(arguments: IOWay.all)
  func keysHeadersAndTimestampsComeBackAsTheyWere(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    var expected: [ReadRecord] = []
    let sizes = [0, 1, 7, 8, 9, 1000, 65_535]
    for key in sizes {
      for headers in sizes {
        let number = expected.count
        let record = ReadRecord(
          sequence: UInt64(number),
          payload: CursorFixture.payload(number, number % 3 * 50),
          key: CursorFixture.payload(number + 1, key),
          headers: CursorFixture.payload(number + 2, headers),
          timestamp: UInt64(1 + number)
        )
        let sequence = try unsafe fixture.queue.append(
          record.payload.span.bytes,
          key: record.key.span.bytes,
          headers: record.headers.span.bytes,
          timestamp: record.timestamp,
          level: .published
        )
        #expect(sequence == record.sequence)
        expected.append(record)
      }
    }
    try fixture.queue.wait(for: UInt64(expected.count - 1))
    #expect(try fixture.queue.readAll() == expected)
    try fixture.reopen()
    #expect(try fixture.queue.readAll() == expected)
  }

  @Test func recordsWithoutATimestampGetAscendingOnes() throws {
    let fixture = try StoreFixture()
    for number in 0..<200 { try fixture.queue.append([UInt8(number)], level: .published) }
    try fixture.queue.wait(for: 199)
    let before = try fixture.queue.readAll().map(\.timestamp)
    #expect(before == before.sorted())
    try fixture.reopen()
    try fixture.queue.append([1])
    let after = try fixture.queue.readAll().map(\.timestamp)
    #expect(after == after.sorted())
    #expect(Array(after.prefix(200)) == before)
  }

  @Test(arguments: IOWay.all)
  func emptyAndVeryLargeRecordsTravelWithTheOthers(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    let sizes = [0, 16 << 20, 1, 0, (16 << 20) + 12_345, 130_000, 0, 131_072, 1 << 20, 40]
    for (number, size) in sizes.enumerated() {
      let level: DurabilityLevel = number % 2 == 0 ? .published : .durable
      #expect(try fixture.queue.append(StoreFixture.large(number, size), level: level) == UInt64(number))
    }
    try fixture.queue.wait(for: UInt64(sizes.count - 1))
    #expect(fixture.store.statistics.peakMemoryByteCount <= fixture.store.statistics.memoryBudgetByteCount)
    func check() throws {
      let records = try fixture.queue.readAll()
      #expect(records.map(\.payload.count) == sizes)
      for (number, record) in records.enumerated() {
        let isRight = record.payload == StoreFixture.large(number, sizes[number])
        #expect(isRight, "record \(number)")
      }
    }
    try check()
    try fixture.reopen()
    #expect(fixture.queue.recoveryReport.damages.isEmpty)
    try check()
  }

  @Test func largeRecordsOfManyThreadsShareTheBudget() throws {
    let fixture = try StoreFixture { $0.memoryBudgetByteCount = 16 << 20 }
    let queue = fixture.queue
    try onThreads(4) { producer in
      for number in 0..<6 {
        let payload = StoreFixture.large(producer * 100 + number, 3 << 20)
        _ = try queue.append(payload, level: number == 5 ? .durable : .published)
        _ = try queue.append([UInt8(producer)], level: .published)
      }
    }
    try queue.wait(for: 47)
    let statistics = fixture.store.statistics
    #expect(statistics.peakMemoryByteCount <= statistics.memoryBudgetByteCount)
    let large = try queue.readAll().map(\.payload).filter { $0.count > 1 }
    let expected = (0..<4).flatMap { producer in
      (0..<6).map { StoreFixture.large(producer * 100 + $0, 3 << 20) }
    }
    let isSame = Set(large) == Set(expected)
    #expect(isSame)
    #expect(large.count == 24)
  }

  @Test func whatIsTooLargeIsRefusedAndNothingIsAppended() throws {
    let fixture = try StoreFixture { $0.maximalClaimByteCount = 1 << 20 }
    let queue = fixture.queue
    let large = [UInt8](repeating: 1, count: 1 << 20)
    let key = [UInt8](repeating: 1, count: 65_536)
    #expect(failure { try queue.append(large) }?.code == .tooLarge)
    #expect(failure { try unsafe queue.tryAppend(large.span.bytes) }?.code == .tooLarge)
    #expect(failure { try unsafe queue.append(large.span.bytes, at: 0) }?.code == .tooLarge)
    #expect(failure { try queue.tryClaim(byteCount: 1 << 20) }?.code == .tooLarge)
    #expect(failure { try queue.claim(byteCount: 1 << 20) }?.code == .tooLarge)
    #expect(failure { try queue.claim(byteCount: -1) }?.code == .invalidArgument)
    #expect(failure { try queue.claim(byteCount: Int.max) }?.code == .invalidArgument)
    let keyed = failure { try unsafe queue.append(large.span.bytes.extracting(0..<1), key: key.span.bytes) }
    #expect(keyed?.code == .tooLarge)
    #expect(keyed?.sequence == nil)
    var batch = RecordBatch()
    for _ in 0..<4 { try batch.append([UInt8](repeating: 2, count: 300_000)) }
    #expect(failure { try queue.append(batch) }?.code == .tooLarge)
    #expect(failure { try queue.tryAppend(batch) }?.code == .tooLarge)
    // The largest that fits, frame header included.
    #expect(try queue.append([UInt8](repeating: 3, count: (1 << 20) - 32)) == 0)
    #expect(try queue.readAll().map(\.payload.count) == [(1 << 20) - 32])
  }

  // MARK: Waiting

  @Test func waitsReturnOnceTheirOwnRecordIsCovered() throws {
    let fixture = try StoreFixture()
    let queue = fixture.queue
    try queue.append([0])
    fixture.disk.stall()
    let sequence = try queue.append([1], level: .published)
    try queue.wait(for: 0)
    try queue.wait(for: sequence, level: .published)
    for level in [DurabilityLevel.written, .durable] {
      let late = failure { try queue.wait(for: sequence, level: level, until: .past) }
      #expect(late?.code == .timedOut)
      #expect(late?.sequence == sequence)
    }
    let bytes: [UInt8] = [2]
    let late = failure { try unsafe queue.append(bytes.span.bytes, until: .past) }
    #expect(late?.code == .timedOut)
    #expect(late?.sequence == sequence + 1)
    fixture.disk.resume()
    try queue.wait(for: sequence + 1, level: .written)
    try queue.wait(for: sequence + 1)
    // In doubt meant: the log decides. It is there.
    #expect(try queue.readAll().map(\.payload) == [[0], [1], [2]])
  }

  @Test func manyWaitersAreAllWoken() throws {
    let fixture = try StoreFixture()
    let queue = fixture.queue
    try onThreads(12) { thread in
      // Each waits for a record that another thread appends.
      try queue.append([UInt8(thread)], level: .published)
      try queue.wait(for: 11, level: thread % 2 == 0 ? .durable : .written)
    }
    #expect(queue.durableSequence == 12)
  }

  // MARK: Statistics

  @Test(arguments: IOWay.all)
  func statisticsCountWhatWasDone(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    for number in 0..<50 { try fixture.queue.append(CursorFixture.payload(number, 1000)) }
    for number in 0..<500 { try fixture.queue.append(CursorFixture.payload(number, 1000), level: .published) }
    try fixture.queue.wait(for: 549)
    let queue = fixture.queue.statistics
    #expect(queue.appendedCount == 550)
    #expect(queue.durableSequence == 550)
    #expect(queue.writtenSequence >= queue.durableSequence)
    #expect(queue.firstSequence == 0)
    #expect(queue.durablePosition >= 550 * 1032)
    #expect((51...550).contains(queue.commitCount))
    #expect((1...500).contains(queue.largestCommitCount))
    #expect(queue.droppedCount == 0 && queue.expiredClaimCount == 0)
    let store = fixture.store.statistics
    #expect(store.syncCount >= 51)
    #expect(store.syncLatency.totalCount == store.syncCount)
    #expect(store.lightCommitCount <= store.syncCount)
    #expect(store.writtenByteCount >= queue.durablePosition)
    #expect(store.queueCount == 1)
    #expect(store.memoryByteCount <= store.peakMemoryByteCount)
    #expect(store.memoryBudgetByteCount == 64 << 20)
    var cursor = try fixture.queue.cursor()
    _ = try cursor.next()
    #expect(fixture.queue.statistics.cursorCount == 1)
    #expect(fixture.queue.statistics.largestCursorLag <= 550)
  }
}
