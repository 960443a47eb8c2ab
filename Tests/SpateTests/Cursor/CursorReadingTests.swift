import Testing

@testable import Spate

@Suite struct CursorReadingTests {
  @Test func aCursorFromTheEarliestRecordReadsAllOfThemInOrder() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<5000)
    var cursor = try fixture.queue.cursor()
    #expect(try CursorFixture.drain(&cursor) == Array(0..<5000))
    #expect(cursor.sequence == 5000)
    #expect(cursor.lag == 0)
  }

  @Test func recordsAreReadFromTheSegmentsAfterReopening() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<5000)
    try fixture.reopen()
    #expect(fixture.queue.core.catalog.count > 5)
    var cursor = try fixture.queue.cursor()
    #expect(try CursorFixture.drain(&cursor) == Array(0..<5000))
    try fixture.append(5000..<6000)
    #expect(try CursorFixture.drain(&cursor) == Array(5000..<6000))
  }

  @Test func movingBetweenRingAndSegmentsIsNotSeen() throws {
    let fixture = try CursorFixture()
    var slow = try fixture.queue.cursor()
    var fast = try fixture.queue.cursor()
    var read = 0
    for round in 0..<40 {
      // More than the ring keeps, so the slow one falls behind into the segments again and again.
      try fixture.append(round * 1000..<(round + 1) * 1000)
      #expect(try CursorFixture.drain(&fast).count == 1000)
      while read < round * 700, let record = try slow.next() {
        #expect(record.sequence == UInt64(read))
        #expect(CursorFixture.bytes(record.payload) == CursorFixture.payload(read))
        read += 1
      }
    }
    #expect(try CursorFixture.drain(&slow) == Array(UInt64(read)..<40_000))
  }

  @Test func aCursorFromTheLatestRecordSeesOnlyWhatComesLater() throws {
    for level in DurabilityLevel.allCases {
      let fixture = try CursorFixture()
      try fixture.append(0..<500)
      var cursor = try fixture.queue.cursor(from: .latest, following: level)
      #expect(try CursorFixture.drain(&cursor) == [])
      try fixture.append(500..<700)
      #expect(try CursorFixture.drain(&cursor) == Array(500..<700))
    }
  }

  @Test(arguments: [false, true]) func aCursorBeginsAtAnySequence(reopened: Bool) throws {
    let fixture = try CursorFixture(segmentByteCount: 4 << 20)
    try fixture.append(0..<30_000)
    try fixture.reopen()
    try fixture.append(30_000..<40_000)
    if reopened { try fixture.reopen() }
    for start: UInt64 in [0, 1, 63, 9999, 10_000, 17_321, 29_999, 30_000, 39_999] {
      var cursor = try fixture.queue.cursor(from: .sequence(start))
      #expect(cursor.sequence == start)
      let record = try cursor.next()
      #expect(record?.sequence == start)
    }
    var cursor = try fixture.queue.cursor(from: .sequence(40_000))
    #expect(try CursorFixture.drain(&cursor) == [])
    let error = #expect(throws: SpateError.self) { _ = try fixture.queue.cursor(from: .sequence(40_001)) }
    #expect(error?.code == .outOfRange)
    #expect(error?.sequence == 40_000)
  }

  @Test(arguments: [false, true]) func aCursorBeginsAtTheFirstRecordOfATime(reopened: Bool) throws {
    let fixture = try CursorFixture()
    for number in 0..<3000 {
      let payload = CursorFixture.payload(number)
      try unsafe fixture.queue.append(
        payload.span.bytes,
        key: RawSpan(),
        timestamp: 1_000_000 + UInt64(number) * 1000,
        level: .published
      )
    }
    try fixture.queue.wait(for: 2999)
    if reopened { try fixture.reopen() }
    for number: UInt64 in [0, 1, 1500, 2999] {
      for early: UInt64 in [0, 500] {
        let start = StartPosition.time(1_000_000 + number * 1000 - early)
        var cursor = try fixture.queue.cursor(from: start)
        let record = try cursor.next()
        #expect(record?.sequence == number)
      }
    }
    var cursor = try fixture.queue.cursor(from: .time(5_000_000))
    #expect(try CursorFixture.drain(&cursor) == [])
  }

  @Test func theStoresClockFindsATime() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<4000)
    var cursor = try fixture.queue.cursor()
    var times: [UInt64] = []
    while let record = try cursor.next() { times.append(record.timestamp) }
    for number in [0, 700, 2500, 3999] {
      let expected = try #require(times.firstIndex { $0 >= times[number] })
      try cursor.seek(to: .time(times[number]))
      let record = try cursor.next()
      #expect(record?.sequence == UInt64(expected))
    }
  }

  @Test func keysHeadersAndTimesArriveAsTheyWereGiven() throws {
    let fixture = try CursorFixture()
    let payload: [UInt8] = [1, 2, 3]
    let key: [UInt8] = [4, 5]
    let headers: [UInt8] = [6, 7, 8, 9]
    let empty: [UInt8] = []
    try unsafe fixture.queue.append(
      payload.span.bytes,
      key: key.span.bytes,
      headers: headers.span.bytes,
      timestamp: 77,
      level: .durable
    )
    try fixture.queue.append(empty)
    for _ in 0..<2 {
      var cursor = try fixture.queue.cursor()
      do {
        guard let record = try cursor.next() else { throw CursorFixture.Missing() }
        #expect(CursorFixture.bytes(record.payload) == payload)
        #expect(CursorFixture.bytes(record.key) == key)
        #expect(CursorFixture.bytes(record.headers) == headers)
        #expect(record.timestamp == 77)
      }
      let record = try cursor.next()
      #expect(record?.payload.byteCount == 0)
      #expect(record?.key.byteCount == 0)
      #expect(record?.headers.byteCount == 0)
      try fixture.reopen()
    }
  }

  @Test func largeRecordsAreReadFromRingAndSegments() throws {
    let fixture = try CursorFixture(segmentByteCount: 64 << 10, budget: 32 << 20)
    let sizes = [5_000_000, 10, 1_100_000, 300_000, 0, 9_000_000]
    for (number, size) in sizes.enumerated() { try fixture.queue.append(CursorFixture.payload(number, size)) }
    for _ in 0..<2 {
      var cursor = try fixture.queue.cursor()
      for (number, size) in sizes.enumerated() {
        guard let record = try cursor.next() else { throw CursorFixture.Missing() }
        #expect(record.payload.byteCount == size)
        #expect(CursorFixture.bytes(record.payload) == CursorFixture.payload(number, size))
      }
      #expect(try cursor.next()?.sequence == nil)
      try fixture.reopen()
    }
  }

  @Test(arguments: DurabilityLevel.allCases)
  func abandonedClaimsArePassedOverAndKeepTheirSequence(level: DurabilityLevel) throws {
    let fixture = try CursorFixture()
    for number in 0..<300 {
      if number % 3 == 1 {
        guard let claim = try fixture.queue.tryClaim(byteCount: 100) else { throw CursorFixture.Missing() }
        claim.abandon()
      } else {
        try fixture.queue.append(CursorFixture.payload(number), level: .published)
      }
    }
    try fixture.queue.wait(for: 299)
    let expected = (0..<300).filter { $0 % 3 != 1 }.map { UInt64($0) }
    var cursor = try fixture.queue.cursor(following: level)
    #expect(try CursorFixture.drain(&cursor) == expected)
    try cursor.seek(to: .sequence(1))
    let record = try cursor.next()
    #expect(record?.sequence == 2)
    try fixture.reopen()
    var second = try fixture.queue.cursor(following: level)
    #expect(try CursorFixture.drain(&second) == expected)
  }

  @Test func aFollowerOfPublishedSeesRecordsAtOnce() throws {
    let fixture = try CursorFixture()
    var cursor = try fixture.queue.cursor(following: .published)
    for number in 0..<3000 {
      try fixture.queue.append(CursorFixture.payload(number), level: .published)
      let record = try cursor.next()
      #expect(record?.sequence == UInt64(number))
    }
  }

  @Test func anAtomicBatchIsSeenAsAWhole() throws {
    let fixture = try CursorFixture()
    var batch = RecordBatch()
    for number in 0..<10 { try batch.append(CursorFixture.payload(number)) }
    var cursor = try fixture.queue.cursor(following: .published)
    for round in 0..<50 {
      try fixture.queue.append(batch, level: .published)
      for number in 0..<10 {
        guard let record = try cursor.next() else { throw CursorFixture.Missing() }
        #expect(record.sequence == UInt64(round * 10 + number))
        #expect(CursorFixture.bytes(record.payload) == CursorFixture.payload(number))
      }
    }
  }

  @Test func recordsOfManyProducersArriveOnceAndInOrder() async throws {
    let fixture = try CursorFixture()
    let queue = fixture.queue
    try await withThrowingTaskGroup(of: Void.self) { group in
      for producer in 0..<4 {
        group.addTask {
          for number in 0..<2000 {
            try await queue.append(
              [UInt8(producer), UInt8(number & 255), UInt8(number >> 8)],
              level: .published
            )
          }
        }
      }
      try await group.waitForAll()
    }
    try await queue.wait(for: 7999)
    try Self.checkProducers(queue)
    try fixture.reopen()
    try Self.checkProducers(fixture.queue)
  }

  private static func checkProducers(_ queue: Queue) throws {
    var next = [Int](repeating: 0, count: 4)
    var cursor = try queue.cursor()
    var expected: UInt64 = 0
    while let record = try cursor.next() {
      let bytes = CursorFixture.bytes(record.payload)
      #expect(record.sequence == expected)
      #expect(Int(bytes[1]) | Int(bytes[2]) << 8 == next[Int(bytes[0])])
      next[Int(bytes[0])] += 1
      expected += 1
    }
    #expect(next == [2000, 2000, 2000, 2000])
  }

  @Test func aTrimmedPlaceIsATypedErrorThatNamesTheFirstRecordKept() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<5000)
    try fixture.reopen()
    var cursor = try fixture.queue.cursor()
    _ = try #require(fixture.queue.core.catalog.removeFirst())
    let first = try #require(fixture.queue.core.catalog.first).baseSequence
    var code: SpateError.Code?
    do {
      _ = try cursor.next()
    } catch {
      code = error.code
      #expect(error.sequence == first)
    }
    #expect(code == .outOfRange)
    try cursor.seek(to: .sequence(first))
    #expect(try CursorFixture.drain(&cursor) == Array(first..<5000))
    let error = #expect(throws: SpateError.self) { _ = try fixture.queue.cursor(from: .sequence(first - 1)) }
    #expect(error?.code == .outOfRange)
  }

  @Test func aCursorAheadOfATruncationIsToldAndGoesOnAtTheCut() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<100)
    var ahead = try fixture.queue.cursor(from: .latest)
    var behind = try fixture.queue.cursor()
    let mark = fixture.queue.core.watermarks.durable
    fixture.queue.core.cursors.noteTruncation(at: LogMark(position: mark.position, sequence: 90))
    var code: SpateError.Code?
    do { _ = try ahead.next() } catch {
      code = error.code
      #expect(error.sequence == 90)
    }
    #expect(code == .outOfRange)
    #expect(ahead.sequence == 90)
    #expect(try behind.next()?.sequence == 0)
  }

  @Test func statisticsSeeTheSlowestCursor() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<1000)
    do {
      var cursor = try fixture.queue.cursor()
      #expect(fixture.queue.statistics.cursorCount == 1)
      #expect(fixture.queue.statistics.largestCursorLag == 1000)
      #expect(cursor.lag == 1000)
      #expect(try CursorFixture.drain(&cursor).count == 1000)
      #expect(fixture.queue.statistics.largestCursorLag == 0)
    }
    #expect(fixture.queue.statistics.cursorCount == 0)
  }
}
