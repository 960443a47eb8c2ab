import Testing

@testable import Spate

@Suite struct ClaimTests {
  private func fill(_ claim: inout Claim, with payload: [UInt8]) {
    var bytes = claim.bytes
    // SAFETY: the claim has as many bytes.
    unsafe bytes.withUnsafeMutableBytes { unsafe $0.copyBytes(from: payload) }
  }

  @Test(arguments: IOWay.all)
  func aClaimThatIsPublishedIsARecord(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    let queue = fixture.queue
    let sizes = [0, 1, 8, 100, 5000, 200_000, 3 << 20]
    for (number, size) in sizes.enumerated() {
      var claim = try queue.claim(byteCount: size)
      #expect(claim.byteCount == size && claim.sequence == UInt64(number))
      fill(&claim, with: CursorFixture.payload(number, size))
      try claim.publish(level: DurabilityLevel.allCases[number % 3])
    }
    try queue.wait(for: UInt64(sizes.count - 1))
    let expected = sizes.enumerated().map { CursorFixture.payload($0.offset, $0.element) }
    #expect(try queue.readAll().map(\.payload) == expected)
    try fixture.reopen()
    #expect(try fixture.queue.readAll().map(\.payload) == expected)
  }

  @Test(arguments: IOWay.all)
  func claimsThatAreGivenUpLeaveTheirSequencesEmpty(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    let queue = fixture.queue
    for round in 0..<60 {
      let size = round * 53
      if round % 3 == 0 {
        try queue.claim(byteCount: size).abandon()
      } else if round % 3 == 1 {
        var dropped = try queue.tryClaim(byteCount: size)
        if dropped != nil { dropped = nil } else { try queue.claim(byteCount: size).abandon() }
      } else {
        #expect(try queue.append(CursorFixture.payload(round, size)) == UInt64(round))
      }
    }
    let expected = (0..<60).filter { $0 % 3 == 2 }
    for _ in 0..<2 {
      let records = try fixture.queue.readAll()
      #expect(records.map(\.sequence) == expected.map { UInt64($0) })
      #expect(records.map(\.payload) == expected.map { CursorFixture.payload($0, $0 * 53) })
      try fixture.reopen()
    }
    #expect(try fixture.queue.append([1]) == 60)
  }

  @Test func aClaimHoldsBackWhatComesLaterUntilItIsPublished() throws {
    let fixture = try StoreFixture { $0.claimDeadlineNanoseconds = 3_600_000_000_000 }
    let queue = fixture.queue
    try queue.append([0])
    var claim = try queue.claim(byteCount: 3)
    for number in 0..<50 { try queue.append([UInt8(number)], level: .published) }
    #expect(failure { try queue.wait(for: 2, until: .now + .milliseconds(20)) }?.code == .timedOut)
    #expect(queue.durableSequence == 1)
    #expect(try queue.readAll(following: .published).count == 1)
    fill(&claim, with: [7, 8, 9])
    try claim.publish()
    try queue.wait(for: 51)
    #expect(try queue.readAll().map(\.payload) == [[0], [7, 8, 9]] + (0..<50).map { [UInt8($0)] })
  }

  @Test(arguments: IOWay.all)
  func aClaimHeldPastItsDeadlineIsGivenUpAndTheOthersGoOn(way: IOWay) throws {
    let fixture = try StoreFixture(way) {
      $0.claimDeadlineNanoseconds = 2_000_000
      $0.maximalSegmentByteCount = 128 << 10
    }
    let queue = fixture.queue
    var expected: [UInt64: [UInt8]] = [:]
    var expired = 0
    for (round, size) in [10, 0, 3000, 6000, 150_000, 1 << 20].enumerated() {
      let before = CursorFixture.payload(round, 700)
      expected[try queue.append(before, level: .published)] = before
      var claim = try queue.claim(byteCount: size)
      fill(&claim, with: [UInt8](repeating: 0xAA, count: size))
      for number in 0..<30 {
        let behind = CursorFixture.payload(number, 400 + round)
        expected[try queue.append(behind, level: number == 29 ? .durable : .published)] = behind
      }
      // Everybody else is durable; the owner wakes up and writes on.
      fill(&claim, with: [UInt8](repeating: 0xBB, count: size))
      let late = claim.sequence
      do throws(SpateError) {
        try claim.publish()
        Issue.record("the claim was published")
      } catch {
        #expect(error.code == .expired)
        #expect(error.sequence == late)
      }
      expired += 1
    }
    #expect(queue.statistics.expiredClaimCount == UInt64(expired))
    for _ in 0..<2 {
      let records = try fixture.queue.readAll()
      #expect(records.count == expected.count)
      for record in records { #expect(record.payload == expected[record.sequence]) }
      try fixture.reopen()
      #expect(fixture.queue.recoveryReport.damages.isEmpty)
    }
  }

  @Test func anExpiredClaimMayBeAbandonedOrDroppedLater() throws {
    let fixture = try StoreFixture {
      $0.claimDeadlineNanoseconds = 1_000_000
      $0.memoryBudgetByteCount = 4 << 20
    }
    let queue = fixture.queue
    do {
      let first = try queue.claim(byteCount: 100)
      try queue.append([1])
      first.abandon()
      var second = try queue.tryClaim(byteCount: 100)
      var isClaimed = false
      if second != nil { isClaimed = true }
      #expect(isClaimed)
      // The log goes round the whole budget several times while the claim is out.
      for number in 0..<12_000 { try queue.append(CursorFixture.payload(number, 1000), level: .published) }
      try queue.wait(for: 12_002)
      second = nil
    }
    #expect(queue.statistics.expiredClaimCount == 2)
    try queue.append([2])
    #expect(fixture.store.statistics.peakMemoryByteCount <= 4 << 20)
    #expect(try queue.readAll().count == 12_002)
  }

  @Test func claimsOfManyThreadsArePublishedInAnyOrder() throws {
    let fixture = try StoreFixture { $0.claimDeadlineNanoseconds = 60_000_000_000 }
    let queue = fixture.queue
    try onThreads(4) { thread in
      for number in 0..<150 {
        var claim = try queue.claim(byteCount: 64)
        let payload = [UInt8(thread)] + [UInt8](repeating: UInt8(number), count: 63)
        var bytes = claim.bytes
        unsafe bytes.withUnsafeMutableBytes { unsafe $0.copyBytes(from: payload) }
        if number % 5 == 0 {
          claim.abandon()
        } else {
          try claim.publish(level: number % 4 == 0 ? .durable : .published)
        }
      }
    }
    try fixture.store.close()
    try fixture.reopen()
    let payloads = try fixture.queue.readAll().map(\.payload)
    for thread in 0..<4 {
      let own = payloads.filter { $0[0] == UInt8(thread) }.map { Int($0[1]) }
      #expect(own == (0..<150).filter { $0 % 5 != 0 })
    }
    #expect(try fixture.queue.append([1]) == 600)
  }

  @Test func aClaimBeginsWithZerosWhateverItsMemoryHeld() throws {
    let fixture = try StoreFixture()
    // Memory is used again, so later claims stand on what these records left.
    for _ in 0..<2000 { try fixture.queue.append([UInt8](repeating: 0xA5, count: 1000), level: .published) }
    try fixture.queue.wait(for: 1999)
    for _ in 0..<200 {
      try fixture.queue.claim(byteCount: 1001).publish(level: .published)
    }
    try fixture.queue.wait(for: 2199)
    let records = try fixture.queue.readAll().map(\.payload).dropFirst(2000)
    #expect(records.count == 200)
    #expect(records.allSatisfy { $0 == [UInt8](repeating: 0, count: 1001) })
  }
}
