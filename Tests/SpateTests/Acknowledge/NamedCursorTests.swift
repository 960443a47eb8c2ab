import Glibc
import Testing

@testable import Spate

/// What a named cursor promises its consumer while the store is open and when it is opened again.
@Suite struct NamedCursorTests {
  @Test func aCursorGoesOnBehindWhatItAcknowledged() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<50)
    do {
      var cursor = try fixture.queue.openCursor("billing")
      #expect(cursor.resumption == .created)
      #expect(cursor.name == "billing")
      for _ in 0..<20 { _ = try cursor.next() }
      #expect(cursor.acknowledgedSequence == 0)
      try cursor.acknowledge(through: 9)
      #expect(cursor.acknowledgedSequence == 10)
      // Neither back nor twice.
      try cursor.acknowledge(through: 3)
      #expect(cursor.acknowledgedSequence == 10)
    }
    #expect(try fixture.queue.delivered(to: "billing") == Array(10..<50))
    try fixture.reopen()
    #expect(fixture.queue.namedCursors.map(\.name) == ["billing"])
    let again = try fixture.queue.openCursor("billing", from: .latest)
    #expect(again.resumption == .resumed)
    #expect(again.sequence == 10)
  }

  @Test func anAcknowledgementThatWasWaitedForSurvivesAKill() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<50)
    let cursor = try fixture.queue.openCursor("billing")
    for end in [4, 17, 30] as [UInt64] {
      try cursor.acknowledge(through: end, waitingFor: .durable)
      let copy = try StoreCopy(of: fixture.scratch.path)
      let queue = try copy.open(fixture.options).queue(named: "events")
      #expect(try queue.delivered(to: "billing") == Array(end + 1..<50))
    }
  }

  @Test func anAcknowledgementOnAnIdleQueueBecomesDurableByItself() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<50)
    let cursor = try fixture.queue.openCursor("billing")
    try cursor.acknowledge(through: 29)
    let place = cursor.hold.place
    while fixture.queue.core.named.state.withLock({ _ in place.books.recorded }) != 30 { usleep(1000) }
    let end = fixture.queue.core.named.state.withLock { _ in place.books.recordedEnd }
    while fixture.queue.core.watermarks.durablePosition < end { usleep(1000) }
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try copy.open(fixture.options).queue(named: "events").delivered(to: "billing") == Array(30..<50))
  }

  @Test func acknowledgementsTravelWithTheNextCommit() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<50)
    let cursor = try fixture.queue.openCursor("billing")
    var commits = 0
    for end in 5..<45 as Range<UInt64> {
      try cursor.acknowledge(through: end)
      // The commit of the next record takes the acknowledgement with it; the one after, where a chunk ends.
      repeat {
        try fixture.append(50 + commits..<51 + commits)
        commits += 1
      } while fixture.queue.core.named.state.withLock({ _ in cursor.hold.place.books.recorded }) != end + 1
    }
    #expect(commits <= 80)
  }

  @Test func aHundredThousandAcknowledgementsCostNoSyncOfTheirOwn() throws {
    let fixture = try CursorFixture(segmentByteCount: 16 << 20, budget: 16 << 20)
    try fixture.append(0..<100_000, byteCount: 8)
    let cursor = try fixture.queue.openCursor("billing")
    let before = fixture.store.statistics.syncCount
    let begun = ContinuousClock.now
    for sequence in 0..<100_000 as Range<UInt64> { try cursor.acknowledge(through: sequence) }
    let ticks = UInt64((ContinuousClock.now - begun) / .milliseconds(100))
    #expect(fixture.store.statistics.syncCount - before <= 2 * ticks + 4)
    #expect(cursor.acknowledgedSequence == 100_000)
  }

  @Test func acknowledgementFramesTakeNoSequenceAndAreNeverSeen() throws {
    let fixture = try CursorFixture()
    var other = try fixture.queue.cursor()
    let cursor = try fixture.queue.openCursor("billing")
    for number in 0..<200 {
      try fixture.append(number..<number + 1)
      if number % 3 == 0 { try cursor.acknowledge(through: UInt64(number), waitingFor: .durable) }
    }
    #expect(try CursorFixture.drain(&other) == Array(0..<200))
    try fixture.reopen()
    #expect(fixture.queue.recoveryReport.endSequence == 200)
    var cold = try fixture.queue.cursor()
    #expect(try CursorFixture.drain(&cold) == Array(0..<200))
    try fixture.append(200..<201)
    #expect(try fixture.queue.delivered(to: "billing") == [199, 200])
  }

  @Test func aNewCursorBeginsWhereItWasAskedTo() throws {
    let fixture = try CursorFixture()
    for number in 0..<30 {
      let payload = CursorFixture.payload(number)
      try unsafe fixture.queue.append(
        payload.span.bytes,
        key: RawSpan(),
        timestamp: UInt64(1000 + 10 * number),
        level: .published
      )
    }
    try fixture.queue.wait(for: 29)
    let starts: [(StartPosition, UInt64)] = [
      (.earliest, 0), (.latest, 30), (.sequence(7), 7), (.sequence(30), 30), (.time(1095), 10),
      (.time(1100), 10),
      (.time(9_999_999), 30),
    ]
    for (index, (start, expected)) in starts.enumerated() {
      let cursor = try fixture.queue.openCursor("c\(index)", from: start)
      #expect(cursor.acknowledgedSequence == expected, "\(start)")
      #expect(cursor.sequence == expected)
    }
    #expect(failure { try fixture.queue.openCursor("x", from: .sequence(31)) }?.code == .outOfRange)
    #expect(failure { try fixture.queue.openCursor("") }?.code == .invalidArgument)
    var options = NamedCursorOptions()
    options.createsIfMissing = false
    #expect(failure { try fixture.queue.openCursor("x", options: options) }?.code == .notFound)
    #expect(fixture.queue.namedCursors.count == starts.count)
    try fixture.reopen()
    for (index, (_, expected)) in starts.enumerated() {
      #expect(try fixture.queue.openCursor("c\(index)").acknowledgedSequence == expected)
    }
  }

  @Test func aNewCursorIsThereAfterAKill() throws {
    let fixture = try CursorFixture()
    // The first one finds no segment to put a frame in, and goes to its slot.
    _ = try fixture.queue.openCursor("first")
    try fixture.append(0..<10)
    _ = try fixture.queue.openCursor("second", from: .latest)
    let copy = try StoreCopy(of: fixture.scratch.path)
    let queue = try copy.open(fixture.options).queue(named: "events")
    #expect(queue.namedCursors.map(\.name) == ["first", "second"])
    #expect(queue.namedCursors.map(\.acknowledgedSequence) == [0, 10])
  }

  @Test func aCursorHasOneHolderWithItsBatches() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<10)
    var batch: Batch?
    do {
      var cursor = try fixture.queue.openCursor("billing")
      #expect(failure { try fixture.queue.openCursor("billing") }?.code == .cursorInUse)
      #expect(failure { try fixture.queue.removeCursor(named: "billing") }?.code == .cursorInUse)
      #expect(failure { try fixture.queue.resetCursor(named: "billing", to: .latest) }?.code == .cursorInUse)
      batch = try cursor.nextBatch(maximalCount: 4)
    }
    #expect(failure { try fixture.queue.openCursor("billing") }?.code == .cursorInUse)
    #expect(fixture.queue.namedCursors.first?.isOpen == true)
    batch?.release()
    try batch?.acknowledge()
    batch = nil
    #expect(try fixture.queue.delivered(to: "billing") == Array(4..<10))
    #expect(fixture.queue.namedCursors.first?.isOpen == false)
  }

  @Test func batchesOfASequenceAcknowledge() async throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<100)
    do {
      let cursor = try await fixture.queue.cursor(named: "billing")
      var count = 0
      for try await batch in cursor.batches(maximalCount: 10) {
        count += batch.count
        if count == 60 { try await batch.acknowledge(waitingFor: .durable) } else { try batch.acknowledge() }
        if count == 70 { break }
      }
    }
    #expect(fixture.queue.namedCursors.map(\.acknowledgedSequence) == [70])
    let anonymous = fixture.queue
    var nameless: Batch?
    for try await batch in try anonymous.batches() {
      nameless = batch
      break
    }
    #expect(failure { try nameless?.acknowledge() }?.code == .invalidArgument)
  }

  @Test func whatIsNotInTheLogCannotBeAcknowledged() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<10)
    let cursor = try fixture.queue.openCursor("billing")
    #expect(failure { try cursor.acknowledge(through: 10) }?.code == .outOfRange)
    #expect(failure { try cursor.acknowledge(through: .max) }?.code == .outOfRange)
    #expect(cursor.acknowledgedSequence == 0)
    try fixture.store.close()
    #expect(failure { try cursor.acknowledge(through: 3) }?.code == .closed)
    #expect(failure { try cursor.acknowledge(through: 4) }?.code == .closed)
  }

  @Test func aResetDeliversAgainAndSurvives() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<40)
    do {
      var cursor = try fixture.queue.openCursor("billing")
      try cursor.acknowledge(through: 29, waitingFor: .durable)
      try fixture.queue.core.named.save()
      try cursor.acknowledge(through: 34, waitingFor: .durable)
      try cursor.reset(to: .sequence(30))
      #expect(cursor.sequence == 30)
      try cursor.acknowledge(through: 29, waitingFor: .durable)
    }
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try copy.open(fixture.options).queue(named: "events").delivered(to: "billing") == Array(30..<40))
    try fixture.queue.resetCursor(named: "billing", to: .sequence(5))
    let second = try StoreCopy(of: fixture.scratch.path)
    #expect(try second.open(fixture.options).queue(named: "events").delivered(to: "billing") == Array(5..<40))
    #expect(failure { try fixture.queue.resetCursor(named: "nobody", to: .latest) }?.code == .notFound)
  }

  @Test func aRemovedCursorStaysRemoved() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<40)
    for name in ["gone", "kept"] {
      try fixture.queue.openCursor(name).acknowledge(through: 9, waitingFor: .durable)
    }
    try fixture.queue.core.named.save()
    try fixture.queue.openCursor("gone").acknowledge(through: 19, waitingFor: .durable)
    try fixture.queue.removeCursor(named: "gone")
    #expect(failure { try fixture.queue.removeCursor(named: "gone") }?.code == .notFound)
    var copy = try StoreCopy(of: fixture.scratch.path)
    for _ in 0..<3 {
      let queue = try copy.open(fixture.options).queue(named: "events")
      #expect(queue.namedCursors.map(\.name) == ["kept"])
      try queue.append([1])
      let next = try StoreCopy(of: copy.scratch.path)
      copy = next
    }
    // Again under the same name: it begins anew, and what is known of the old one does not matter.
    let again = try fixture.queue.openCursor("gone", from: .sequence(35))
    #expect(again.resumption == .created)
    copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try copy.open(fixture.options).queue(named: "events").delivered(to: "gone") == Array(35..<40))
    try fixture.queue.core.named.save()
    copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try copy.open(fixture.options).queue(named: "events").delivered(to: "gone") == Array(35..<40))
  }

  @Test func lagCountsRecordsBytesAndAge() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<40)
    let cursor = try fixture.queue.openCursor("billing")
    let all = try fixture.queue.lag(ofCursorNamed: "billing")
    #expect(all.recordCount == 40)
    #expect(all.byteCount >= 40 * 136)
    #expect(all.oldestTimestamp != nil)
    try cursor.acknowledge(through: 29)
    let rest = try fixture.queue.lag(ofCursorNamed: "billing")
    #expect(rest.recordCount == 10)
    #expect(rest.byteCount >= 10 * 136 && rest.byteCount < all.byteCount)
    #expect(try #require(rest.oldestTimestamp) >= all.oldestTimestamp!)
    try cursor.acknowledge(through: 39)
    #expect(
      try fixture.queue.lag(ofCursorNamed: "billing")
        == CursorLag(recordCount: 0, byteCount: 0, oldestTimestamp: nil, ageNanoseconds: 0)
    )
    #expect(failure { try fixture.queue.lag(ofCursorNamed: "nobody") }?.code == .notFound)
  }

  @Test func aThousandCursorsOfAQueueKeepTheirPlaces() throws {
    let fixture = try CursorFixture(segmentByteCount: 1 << 20)
    try fixture.append(0..<1000)
    var options = NamedCursorOptions()
    options.creationLevel = .published
    for number in 0..<1000 {
      let cursor = try fixture.queue.openCursor("c\(number)", options: options)
      if number > 0 { try cursor.acknowledge(through: UInt64(number - 1)) }
    }
    try fixture.append(1000..<1001)
    let last = try fixture.queue.openCursor("c999")
    // The others travel with it, or with the tick, at the latest.
    try last.acknowledge(through: 999, waitingFor: .durable)
    while fixture.queue.core.named.hasChanges { usleep(1000) }
    try fixture.append(1001..<1002)
    let copy = try StoreCopy(of: fixture.scratch.path)
    func check(_ queue: Queue) throws {
      #expect(queue.namedCursors.count == 1000)
      let begun = ContinuousClock.now
      for number in 0..<999 {
        let cursor = try queue.openCursor("c\(number)")
        if cursor.acknowledgedSequence != UInt64(number) || cursor.resumption != .resumed {
          Issue.record("cursor \(number) stands at \(cursor.acknowledgedSequence)")
        }
      }
      print("opening 999 named cursors:", ContinuousClock.now - begun)
      #expect(try queue.delivered(to: "c7").first == 7)
    }
    try check(try copy.open(fixture.options).queue(named: "events"))
    try check(try copy.open(fixture.options).queue(named: "events"))
    _ = consume last
    try fixture.reopen()
    try check(fixture.queue)
  }

  @Test func aCursorWhoseMakingFailedIsDurableOnceItIsOpened() throws {
    let fixture = try StoreFixture()
    try fixture.queue.append([1])
    fixture.disk.fail([.write], with: ENOSPC)
    fixture.disk.onEachStep { step in
      if case .write(let path) = step, path.hasSuffix(Format.cursorsName) { return ENOSPC }
      return 0
    }
    #expect(failure { _ = try fixture.queue.cursor(named: "billing") }?.code == .diskFull)
    fixture.disk.onEachStep(nil)
    let cursor = try fixture.queue.cursor(named: "billing")
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try copy.open().queue(named: "events").namedCursors.map(\.name) == ["billing"])
    _ = consume cursor
    fixture.disk.heal()
  }
}
