import Glibc
import Synchronization
import Testing

@testable import Spate

/// Records are kept as long as somebody needs them, and the disk space comes back.
@Suite struct RetentionTests {
  @Test func whatAllCursorsAcknowledgedGivesItsSpaceBack() throws {
    let fixture = try RetentionFixture()
    let slow = try fixture.queue.openCursor("slow")
    let fast = try fixture.queue.openCursor("fast")
    try fixture.append(0..<100)
    let full = fixture.segmentCount
    #expect(full > 10)
    try fast.acknowledge(through: 99)
    try slow.acknowledge(through: 49)
    #expect(RetentionFixture.comes { fixture.queue.statistics.firstSequence > 35 })
    #expect(fixture.queue.statistics.firstSequence <= 50)
    try slow.acknowledge(through: 99)
    // The active one, a prepared one and a spare one.
    #expect(RetentionFixture.comes { fixture.segmentCount <= 3 })
    #expect(fixture.queue.statistics.segmentByteCount == UInt64(fixture.segmentCount) * (16 << 10))
    try fixture.reopen()
    #expect(fixture.queue.recoveryReport.endSequence == 100)
    #expect(fixture.queue.recoveryReport.damages.isEmpty)
    #expect(fixture.queue.namedCursors.map(\.acknowledgedSequence) == [100, 100])
    try fixture.append(100..<110)
    #expect(try fixture.queue.delivered(to: "slow") == Array(100..<110))
  }

  @Test func aConsumerThatWasAwayFindsItsRecords() throws {
    let fixture = try RetentionFixture()
    do {
      var away = try fixture.queue.openCursor("away")
      try fixture.append(0..<20)
      for _ in 0..<5 { _ = try away.next() }
      try away.acknowledge(through: 4, waitingFor: .durable)
    }
    for life in 1..<4 {
      let here = try fixture.queue.openCursor("here")
      try fixture.append(life * 20..<life * 20 + 20)
      try here.acknowledge(through: UInt64(life * 20 + 19), waitingFor: .durable)
      _ = consume here
      fixture.queue.core.tick()
      try fixture.reopen()
    }
    #expect(try fixture.queue.delivered(to: "away") == Array(5..<80))
    #expect(fixture.queue.statistics.evictedCount == 0)
  }

  @Test func removingAStalledCursorGivesBackWhatItHeld() throws {
    let fixture = try RetentionFixture()
    _ = try fixture.queue.openCursor("stalled")
    let cursor = try fixture.queue.openCursor("working")
    try fixture.append(0..<100)
    try cursor.acknowledge(through: 99, waitingFor: .durable)
    fixture.queue.core.tick()
    #expect(fixture.queue.statistics.firstSequence == 0)
    try fixture.queue.removeCursor(named: "stalled")
    #expect(RetentionFixture.comes { fixture.segmentCount <= 3 })
  }

  @Test func withoutNamedCursorsEverythingStaysUpToTheMaximum() throws {
    let fixture = try RetentionFixture()
    try fixture.append(0..<100)
    fixture.queue.core.tick()
    #expect(try fixture.queue.readAll().count == 100)
    fixture.queueOptions.retention.maximalByteCount = 100 << 10
    try fixture.reopen()
    #expect(RetentionFixture.comes { fixture.queue.core.catalog.byteCount <= 100 << 10 })
    #expect(try fixture.queue.readAll().map(\.sequence).last == 99)
    fixture.queueOptions.retention = RetentionOptions()
    fixture.queueOptions.retention.maximalAgeNanoseconds = 1
    try fixture.reopen()
    try fixture.append(100..<110)
    #expect(RetentionFixture.comes { fixture.queue.core.catalog.count == 1 })
  }

  @Test func recordsThatACursorNeedsStayWithoutLeaveToEvict() throws {
    let fixture = try RetentionFixture(queue: { $0.retention.maximalByteCount = 64 << 10 })
    let cursor = try fixture.queue.openCursor("slow")
    try fixture.append(0..<100)
    fixture.queue.core.tick()
    #expect(cursor.evicted == nil)
    _ = consume cursor
    #expect(try fixture.queue.delivered(to: "slow") == Array(0..<100))
  }

  @Test func evictedRecordsAreCountedAndTold() throws {
    let fixture = try RetentionFixture(queue: {
      $0.retention.maximalByteCount = 64 << 10
      $0.retention.evictsUnacknowledged = true
    })
    var cursor = try fixture.queue.openCursor("slow")
    try fixture.append(0..<10)
    for _ in 0..<4 { _ = try cursor.next() }
    try cursor.acknowledge(through: 2)
    try fixture.append(10..<100)
    #expect(RetentionFixture.comes { fixture.queue.core.catalog.byteCount <= 64 << 10 })
    let first = fixture.queue.statistics.firstSequence
    #expect(first > 50)
    #expect(cursor.evicted == 3..<first)
    #expect(fixture.queue.namedCursors.first?.evicted == 3..<first)
    // The housekeeper counts once it has let go of the segments.
    #expect(RetentionFixture.comes { fixture.queue.statistics.evictedCount == first - 3 })
    #expect(fixture.queue.namedCursors.first?.evictedCount == first - 3)
    #expect(try fixture.queue.lag(ofCursorNamed: "slow").recordCount == 100 - first)
    // Reading goes on behind them by itself, after what it held already.
    var sequences: [UInt64] = []
    while let record = try cursor.next() { sequences.append(record.sequence) }
    #expect(sequences.suffix(Int(100 - first)) == Array(first..<100)[...])
    #expect(sequences == sequences.sorted())
    _ = consume cursor
    try fixture.reopen()
    let again = try fixture.queue.openCursor("slow")
    let now = fixture.queue.statistics.firstSequence
    #expect(again.evicted == 3..<now)
    #expect(again.sequence == now)
    try again.acknowledge(through: now)
    #expect(again.evicted == nil)
    _ = consume again
    // One that reads far behind, from files, is carried on where what is kept begins.
    var late = try fixture.queue.openCursor("slow")
    #expect(try late.next()?.sequence == now + 1)
    try fixture.append(100..<400)
    #expect(RetentionFixture.comes { fixture.queue.statistics.firstSequence > 300 })
    var last: UInt64 = 0
    while let sequence = try readNext(&late, until: .past) { last = sequence }
    #expect(last == 399)
    #expect(late.evicted == now + 1..<fixture.queue.statistics.firstSequence)
  }

  @Test func aTrimByHandIsTold() throws {
    let fixture = try RetentionFixture()
    let cursor = try fixture.queue.openCursor("slow")
    try fixture.append(0..<100)
    try fixture.queue.trim(before: 50)
    let first = fixture.queue.statistics.firstSequence
    #expect(first > 35 && first <= 50)
    #expect(cursor.evicted == 0..<first)
    #expect(try fixture.queue.readAll().map(\.sequence) == Array(first..<100))
  }

  @Test func aPlaceWhoseFramesAreTrimmedIsNotForgotten() throws {
    let fixture = try RetentionFixture()
    try fixture.append(0..<10)
    try fixture.queue.openCursor("slow").acknowledge(through: 4, waitingFor: .durable)
    try fixture.append(10..<100)
    // The frame that says so stands in a segment that goes.
    try fixture.queue.trim(before: 60)
    let first = fixture.queue.statistics.firstSequence
    let copy = try StoreCopy(of: fixture.scratch.path)
    let queue = try copy.open(fixture.options).queue(named: "events")
    #expect(queue.namedCursors.map(\.acknowledgedSequence) == [5])
    #expect(queue.namedCursors.map(\.evicted) == [5..<first])
  }

  @Test func viewsOutliveTheirSegments() throws {
    let fixture = try RetentionFixture()
    let keeper = try fixture.queue.openCursor("keeper")
    try fixture.append(0..<60)
    _ = consume keeper
    try fixture.reopen()
    // Nothing is in the ring: these are mapped.
    var reader = try fixture.queue.cursor()
    let batch = try #require(try reader.nextBatch(maximalCount: 5))
    try fixture.queue.openCursor("keeper").acknowledge(through: 59, waitingFor: .durable)
    #expect(RetentionFixture.comes { fixture.queue.statistics.firstSequence > 40 })
    // The files are used again.
    try fixture.append(60..<200)
    try fixture.queue.openCursor("keeper").acknowledge(through: 199, waitingFor: .durable)
    try fixture.append(200..<300)
    #expect(sequences(of: batch, byteCount: RetentionFixture.recordByteCount) == Array(0..<5))
    batch.release()
  }

  @Test func aKillAtEveryStepOfTrimmingLosesNothing() throws {
    // By itself nothing is trimmed before the copies begin.
    let fixture = try RetentionFixture(queue: { $0.retention.minimalByteCount = 1 << 30 })
    let slow = try fixture.queue.openCursor("slow")
    let fast = try fixture.queue.openCursor("fast")
    try fixture.append(0..<60)
    try slow.acknowledge(through: 24, waitingFor: .durable)
    try fast.acknowledge(through: 54, waitingFor: .durable)
    let copies = fixture.copyAtEachStep()
    try fixture.queue.trim(before: 25)
    fixture.disk.onEachStep(nil)
    #expect(fixture.queue.statistics.firstSequence > 10)
    let taken = copies.taken
    // Slots, checkpoint, files and directories.
    #expect(taken.count >= 8)
    for (step, copy) in taken {
      for life in 0..<2 {
        let queue = try copy.open(fixture.options).queue(named: "events")
        #expect(queue.recoveryReport.damages.isEmpty, "\(step)")
        #expect(queue.recoveryReport.endSequence == UInt64(60 + life), "\(step)")
        // Retention goes on by itself, so only what is needed is sure to be there.
        #expect(try queue.delivered(to: "slow") == Array(25..<UInt64(60 + life)), "\(step)")
        #expect(queue.namedCursors.map(\.acknowledgedSequence) == [55, 25], "\(step)")
        #expect(queue.namedCursors.allSatisfy { $0.evicted == nil })
        try queue.appendBlocking(CursorFixture.payload(60 + life, 1000))
      }
    }
  }

  @Test func aKillAtEveryStepOfATrimKeepsWhatItsFramesSaid() throws {
    let fixture = try RetentionFixture()
    try fixture.append(0..<10)
    try fixture.queue.openCursor("slow").acknowledge(through: 4, waitingFor: .durable)
    try fixture.queue.setMetadataNow([7], named: "state")
    // Of these frames all stand in segments that go.
    try fixture.append(10..<100)
    let copies = fixture.copyAtEachStep()
    try fixture.queue.trim(before: 60)
    fixture.disk.onEachStep(nil)
    #expect(fixture.queue.statistics.firstSequence > 10)
    let taken = copies.taken
    #expect(taken.count >= 8)
    for (step, copy) in taken {
      let queue = try copy.open(fixture.options).queue(named: "events")
      #expect(queue.recoveryReport.damages.isEmpty, "\(step)")
      #expect(queue.namedCursors.map(\.acknowledgedSequence) == [5], "\(step)")
      #expect(queue.metadata(named: "state") == [7], "\(step)")
    }
  }

  @Test func spareFilesAreCountedAndGoWithACleanClose() throws {
    let fixture = try RetentionFixture()
    let queue = fixture.queue
    try fixture.append(0..<40)
    for end in [20, 40, 60] as [UInt64] {
      try queue.trim(before: end)
      // What was trimmed is used again.
      try fixture.append(Int(end) + 20..<Int(end) + 40)
    }
    func isCounted() -> Bool {
      queue.statistics.segmentByteCount == UInt64(fixture.segmentCount) * (16 << 10)
    }
    // While a file is on its way from one use to the next it is nobody's.
    #expect(RetentionFixture.comes(isCounted))
    try queue.trim(before: 90)
    let first = try #require(queue.core.catalog.first).number
    try fixture.store.close()
    let names = try SystemStorage(root: fixture.scratch.path, readOnly: true)
      .contents(ofDirectory: "queues/events")
    #expect(names.compactMap { Format.segmentNumber(inName: $0) }.allSatisfy { $0 >= first })
    try fixture.reopen()
    #expect(fixture.queue.recoveryReport.findings.isEmpty)
    #expect(try fixture.queue.readAll().map(\.sequence).last == 99)
  }

  @Test func theFileOfADamagedSegmentIsNotUsedAgain() throws {
    let fixture = try RetentionFixture()
    try fixture.append(0..<30)
    try fixture.reopen()
    let segment = try #require(fixture.queue.core.catalog.first)
    let storage = fixture.store.engine.storage
    let file = try storage.open(segment.path, .readWriteBuffered)
    let byte: UInt8 = 0x55
    for offset in 400..<500 as Range<UInt64> {
      try unsafe withUnsafeBytes(of: byte) {
        try unsafe storage.write(file, $0, at: segment.dataOffset + offset)
      }
    }
    storage.close(file)
    var cursor = try fixture.queue.cursor()
    #expect(failure { _ = try cursor.next() }?.code == .corrupt)
    _ = consume cursor
    try fixture.append(30..<40)
    try fixture.queue.trim(before: try #require(segment.endSequence))
    #expect(fixture.queue.core.catalog.first?.number != segment.number)
    // What else is trimmed stays as a spare file, under its old name, until it is used.
    #expect(try storage.kind(of: segment.path) == nil)
  }

  @Test func aTruncationThatFindsNoRoomChangesNothing() throws {
    let fixture = try RetentionFixture()
    try fixture.append(0..<10)
    fixture.disk.onEachStep { step in
      if case .allocate = step { return ENOSPC }
      return 0
    }
    // Until no segment is prepared any more.
    var end = 10
    while true {
      let payload = CursorFixture.payload(end, RetentionFixture.recordByteCount)
      let outcome = try unsafe fixture.queue.tryAppend(payload.span.bytes)
      if outcome == .full { break }
      guard case .appended = outcome else { continue }
      end += 1
    }
    try fixture.queue.wait(for: UInt64(end - 1))
    let queue = fixture.queue
    let codes = Mutex<[SpateError.Code?]>([])
    let truncating = try EngineThread(name: "truncates") {
      let error = failure { try queue.truncate(from: 5) }
      codes.withLock { $0.append(error?.code) }
    }
    #expect(RetentionFixture.comes { codes.withLock { !$0.isEmpty } })
    fixture.disk.onEachStep(nil)
    truncating.join()
    #expect(codes.withLock { $0 } == [.diskFull])
    #expect(try queue.readAll().map(\.sequence) == Array(0..<UInt64(end)))
    // And with room it is done.
    try queue.truncate(from: 5)
    #expect(try queue.appendBlocking([1]) == 5)
  }

  @Test func aTrimThatFailsIsTriedAgain() throws {
    let fixture = try RetentionFixture()
    let cursor = try fixture.queue.openCursor("slow")
    try fixture.append(0..<60)
    let count = Atomic<Int>(0)
    fixture.disk.onEachStep { step in
      guard case .rename(let path) = step, path.contains("checkpoint"),
        count.wrappingAdd(1, ordering: .relaxed).newValue <= 2
      else { return 0 }
      return EIO
    }
    try cursor.acknowledge(through: 59)
    #expect(RetentionFixture.comes { fixture.segmentCount <= 3 })
    #expect(count.load(ordering: .relaxed) >= 3)
  }

  @Test func retentionRacesProducersReadersAndNewCursors() throws {
    let fixture = try RetentionFixture()
    let queue = fixture.queue
    _ = try queue.openCursor("named")
    let isDone = Atomic<Bool>(false)
    try onThreads(5) { thread in
      switch thread {
      case 0:
        for number in 0..<4000 {
          try queue.appendBlocking(CursorFixture.payload(number, 1000), level: .published)
          if number % 100 == 99 { try queue.wait(for: UInt64(number)) }
        }
        try queue.wait(for: 3999)
        isDone.store(true, ordering: .releasing)
      case 1:
        // The one that decides: it must see each record, with its bytes.
        var cursor = try queue.openCursor("named")
        var next: UInt64 = 0
        while next < 4000 {
          guard let sequence = try readNext(&cursor, until: .now + .milliseconds(100)) else { continue }
          #expect(sequence == next)
          next = sequence + 1
          if sequence % 7 == 0 { try cursor.acknowledge(through: sequence) }
        }
      case 2:
        // Anonymous readers may fall out of what is kept, and never see wrong bytes.
        while !isDone.load(ordering: .acquiring) {
          var cursor = try queue.cursor()
          var last: UInt64?
          do {
            while let record = try cursor.next() {
              let isRight =
                CursorFixture.bytes(record.payload) == CursorFixture.payload(Int(record.sequence), 1000)
              #expect(isRight && last.map { $0 + 1 == record.sequence } ?? true)
              last = record.sequence
            }
          } catch {
            #expect((error as? SpateError)?.code == .outOfRange)
          }
        }
      case 3:
        var number = 0
        while !isDone.load(ordering: .acquiring) {
          number += 1
          let start = queue.durableSequence
          let cursor = try queue.openCursor("c\(number)", from: .latest)
          #expect(cursor.acknowledgedSequence >= start && cursor.evicted == nil)
          _ = consume cursor
          try queue.removeCursor(named: "c\(number)")
        }
      default:
        while !isDone.load(ordering: .acquiring) {
          queue.core.tickForTest()
          usleep(500)
        }
      }
    }
    #expect(queue.statistics.evictedCount == 0)
    #expect(queue.statistics.firstSequence > 3000)
    try fixture.reopen()
    #expect(fixture.queue.recoveryReport.damages.isEmpty)
    #expect(try fixture.queue.delivered(to: "named").last == 3999)
  }
}

extension QueueCore {
  /// Asks the housekeeper for a look now.
  fileprivate func tickForTest() { engine.housekeeper.schedule(self, after: 0) }
}
