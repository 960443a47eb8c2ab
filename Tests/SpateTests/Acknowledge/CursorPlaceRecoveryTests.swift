import Glibc
import Testing

@testable import Spate

/// Places that are lost, torn, stale or ahead of the log: records come again, and none is skipped.
@Suite struct CursorPlaceRecoveryTests {
  private let file = "queues/events/" + Format.cursorsName

  /// A queue of 60 records with a cursor whose slots say 20 and then 30, and no frame that a scan would find.
  private func slotted() throws -> (CursorFixture, StoreCopy) {
    let fixture = try CursorFixture()
    try fixture.append(0..<60)
    do {
      let cursor = try fixture.queue.openCursor("billing")
      try cursor.acknowledge(through: 19, waitingFor: .durable)
      try fixture.queue.core.named.save()
      try cursor.acknowledge(through: 29, waitingFor: .durable)
      try fixture.queue.core.named.save()
    }
    #expect(fixture.queue.core.named.statePosition == 0)
    // Opened twice, so that the segment with the frames is not scanned any more.
    try fixture.reopen()
    try fixture.append(60..<61)
    try fixture.reopen()
    try fixture.append(61..<62)
    return (fixture, try StoreCopy(of: fixture.scratch.path))
  }

  @Test func theNewestValidSlotCounts() throws {
    let (fixture, copy) = try slotted()
    #expect(try copy.open(fixture.options).queue(named: "events").delivered(to: "billing") == Array(30..<62))
  }

  @Test(arguments: [0, 4096], [0, 8, 16, 64, 100, 107, 111])
  func aTornSlotFallsBackToTheOther(slot: Int, byte: Int) throws {
    let (fixture, copy) = try slotted()
    try copy.edit(file) { $0[slot + byte] ^= 0x40 }
    let delivered = try copy.open(fixture.options).queue(named: "events").delivered(to: "billing")
    // Older or not: nothing is skipped.
    #expect(delivered == Array(20..<62) || delivered == Array(30..<62))
    // And what it says next is kept.
    try copy.open(fixture.options).queue(named: "events").openCursor("billing").acknowledge(through: 40)
    #expect(try copy.open(fixture.options).queue(named: "events").delivered(to: "billing") == Array(41..<62))
  }

  @Test func whenBothSlotsAreLostTheCursorBeginsAtTheEarliestRecord() throws {
    let (fixture, copy) = try slotted()
    try copy.edit(file) {
      $0[100] ^= 1
      $0[4196] ^= 1
    }
    let queue = try copy.open(fixture.options).queue(named: "events")
    #expect(queue.recoveryReport.findings.contains(.lostCursorPlaces(count: 1)))
    #expect(queue.namedCursors.isEmpty)
    let cursor = try queue.openCursor("billing", from: .latest)
    #expect(cursor.resumption == .placeLost)
    #expect(cursor.sequence == 0)
  }

  @Test func whenTheFileIsGoneNothingIsSkipped() throws {
    let (fixture, copy) = try slotted()
    copy.remove(file)
    let queue = try copy.open(fixture.options).queue(named: "events")
    #expect(queue.recoveryReport.findings.contains(.lostCursorPlaces(count: 0)))
    let cursor = try queue.openCursor("billing", from: .latest)
    #expect(cursor.resumption == .placeLost)
    #expect(cursor.sequence == 0)
    try cursor.acknowledge(through: 10, waitingFor: .durable)
    _ = consume cursor
    #expect(try copy.open(fixture.options).queue(named: "events").delivered(to: "billing") == Array(11..<62))
  }

  @Test func framesInTheLogMakeUpForAFileThatWasNeverNeeded() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<60)
    let cursor = try fixture.queue.openCursor("billing")
    try cursor.acknowledge(through: 29, waitingFor: .durable)
    let copy = try StoreCopy(of: fixture.scratch.path)
    copy.remove(file)
    #expect(try copy.open(fixture.options).queue(named: "events").delivered(to: "billing") == Array(30..<60))
  }

  @Test(arguments: [1, 3, 700, 2000])
  func framesAreFoundHoweverFarBackTheyStand(records: Int) throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<40)
    let cursor = try fixture.queue.openCursor("billing")
    try cursor.acknowledge(through: 29, waitingFor: .durable)
    // Through the rest of the chunk, of the segment, and over segments that are sealed with a footer.
    try fixture.append(40..<40 + records)
    let copy = try StoreCopy(of: fixture.scratch.path)
    let end = UInt64(40 + records)
    #expect(try copy.open(fixture.options).queue(named: "events").delivered(to: "billing") == Array(30..<end))
    // And again after lives in which nobody acknowledged: what was not covered then is still not.
    for life in 0..<3 {
      let queue = try copy.open(fixture.options).queue(named: "events")
      try queue.append([UInt8](repeating: UInt8(life), count: 50_000))
      #expect(try queue.delivered(to: "billing").first == 30)
    }
    let killed = try StoreCopy(of: fixture.scratch.path)
    for life in 0..<4 {
      let queue = try killed.open(fixture.options).queue(named: "events")
      #expect(queue.namedCursors.map(\.acknowledgedSequence) == [30])
      for _ in 0...life { try queue.append([UInt8](repeating: UInt8(life), count: 20_000)) }
      let next = try StoreCopy(of: killed.scratch.path)
      let again = try next.open(fixture.options).queue(named: "events")
      #expect(again.namedCursors.map(\.acknowledgedSequence) == [30])
    }
  }

  @Test func aFrameInASegmentWhoseFooterProvesItsEndIsFound() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    builder.append([1])
    builder.sync()
    builder.chunk()
    var payload = [UInt8](repeating: 0, count: Acknowledgement.headByteCount)
    let acknowledgement = Acknowledgement(identifier: .random(), epoch: 1, sequence: 1, ordinal: 1)
    unsafe payload.withUnsafeMutableBytes { unsafe acknowledgement.encode(into: $0.baseAddress!) }
    builder.append(payload, type: .acknowledgement, key: Array("billing".utf8))
    // The segment ends with a whole block, and of the next one only the header arrived.
    builder.append([UInt8](repeating: 7, count: 4096 - Int(builder.position % 4096) - FrameHeader.byteCount))
    builder.sync()
    builder.seal()
    try builder.roll()
    let queue = try QueueRecovery.run(storage: builder.storage, directory: SegmentBuilder.directory)
    #expect(queue.cursors.map(\.name) == [Array("billing".utf8)])
    #expect(queue.cursors.map(\.sequence) == [1])
  }

  @Test func aPlaceAheadOfTheRecoveredLogIsSetBackAndStaysSo() throws {
    let fixture = try StoreFixture()
    let queue = fixture.queue
    for number in 0..<10 { try queue.append(CursorFixture.payload(number)) }
    var options = NamedCursorOptions()
    options.level = .published
    let cursor = try queue.openCursor("eager", options: options)
    fixture.disk.stall()
    for number in 10..<20 { try queue.append(CursorFixture.payload(number), level: .published) }
    try cursor.acknowledge(through: 17)
    try queue.core.named.save()
    // Slots are durable, the records are not.
    let copy = try StoreCopy(of: fixture.scratch.path)
    fixture.disk.resume()
    for life in 0..<3 {
      let queue = try copy.open(fixture.options).queue(named: "events")
      let end = queue.recoveryReport.endSequence
      #expect(end == 10)
      let eager = try queue.openCursor("eager")
      // The first owner closed in peace, and wrote the place that was set back.
      #expect(eager.resumption == (life == 0 ? .setBack(from: 18) : .resumed))
      #expect(eager.sequence == 10)
      // Other records get the sequences, and a kill comes before the place is written anew.
      _ = consume eager
      let killed = try StoreCopy(of: copy.scratch.path)
      let next = try killed.open(fixture.options).queue(named: "events")
      #expect(next.namedCursors.map(\.acknowledgedSequence) == [10])
      for number in 10..<30 { try next.append(CursorFixture.payload(number + 1000)) }
      let killedAgain = try StoreCopy(of: killed.scratch.path)
      let last = try killedAgain.open(fixture.options).queue(named: "events")
      #expect(try last.delivered(to: "eager") == Array(10..<30))
    }
  }

  @Test func theEpochNamesARecordForGood() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<10)
    let cursor = try fixture.queue.openCursor("billing")
    try fixture.queue.core.named.save()
    let epoch = fixture.queue.epoch
    let copy = try StoreCopy(of: fixture.scratch.path)
    _ = cursor.sequence
    // Nothing was appended in these lives, but places of their epochs were saved.
    for life in 1...3 as ClosedRange<UInt64> {
      let queue = try copy.open(fixture.options).queue(named: "events")
      #expect(queue.epoch == epoch + life)
      try queue.openCursor("billing").acknowledge(through: life, waitingFor: .durable)
      try queue.core.named.save()
    }
  }

  @Test func theNextEpochIsHigherThanThatOfEverySlot() throws {
    let (fixture, copy) = try slotted()
    let storage = try SystemStorage(root: copy.scratch.path)
    let directory = "queues/events"
    let manifest = try QueueManifest.load(from: storage, directory: directory)
    let content = try CursorFileContent.load(
      from: storage,
      directory: directory,
      queueIdentifier: manifest.queueIdentifier,
      isExpected: true
    )
    // A place of an epoch of which the log kept nothing.
    let entry = try #require(content.entries.first)
    var slot = entry.slot
    slot.generation = entry.pair.next.generation
    slot.epoch = 50
    let file = CursorFile(storage: storage, directory: directory, capacity: content.capacity, free: [])
    try file.write([CursorFile.Write(slot: slot, pair: entry.pair.next)])
    let queue = try copy.open(fixture.options).queue(named: "events")
    #expect(queue.epoch == 51)
    #expect(queue.namedCursors.map(\.acknowledgedSequence) == [30])
  }

  @Test func aTruncationSetsPlacesBackAndOldBatchesCannotMoveThem() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<100)
    var cursor = try fixture.queue.openCursor("billing")
    let batch = try #require(try cursor.nextBatch(maximalCount: 80))
    try cursor.acknowledge(through: 69, waitingFor: .durable)
    try fixture.queue.core.named.save()
    try fixture.queue.truncate(from: 50)
    #expect(cursor.acknowledgedSequence == 50)
    try fixture.append(50..<90)
    #expect(failure { try batch.acknowledge() }?.code == .outOfRange)
    #expect(failure { try cursor.acknowledge(through: 60) }?.code == .outOfRange)
    #expect(cursor.acknowledgedSequence == 50)
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try copy.open(fixture.options).queue(named: "events").delivered(to: "billing") == Array(50..<90))
    // Bytes that it holds already are read to their end; the move behind them tells. Then things go on.
    var error: SpateError?
    while error == nil {
      error = failure { _ = try cursor.next() }
    }
    #expect(error?.code == .outOfRange)
    #expect(try cursor.next()?.sequence == 50)
    try cursor.acknowledge(through: 50, waitingFor: .durable)
    let second = try StoreCopy(of: fixture.scratch.path)
    #expect(
      try second.open(fixture.options).queue(named: "events").delivered(to: "billing") == Array(51..<90)
    )
    batch.release()
  }

  @Test func aTruncationBehindAPlaceLosesNoFrameBeforeIt() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<50)
    let cursor = try fixture.queue.openCursor("billing")
    try cursor.acknowledge(through: 19, waitingFor: .durable)
    try fixture.append(50..<100)
    // This frame stands behind the cut.
    try cursor.acknowledge(through: 29, waitingFor: .durable)
    try fixture.queue.truncate(from: 60)
    try fixture.append(60..<70)
    while fixture.queue.core.named.hasChanges { usleep(1000) }
    try fixture.append(70..<71)
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try copy.open(fixture.options).queue(named: "events").delivered(to: "billing") == Array(30..<71))
  }

  @Test func aTruncationThatFailsSetsNoPlaceBack() throws {
    let fixture = try StoreFixture()
    let queue = fixture.queue
    for number in 0..<10 { try queue.append(CursorFixture.payload(number)) }
    let cursor = try queue.openCursor("billing")
    try cursor.acknowledge(through: 6, waitingFor: .durable)
    fixture.disk.fail([.write], with: EIO, pathsHolding: Format.segmentName(1, suffix: ""))
    #expect(failure { try queue.truncate(from: 4) }?.code == .ioFailed)
    #expect(queue.core.watermarks.durable.sequence == 4)
    #expect(cursor.acknowledgedSequence == 7)
    fixture.disk.heal()
    _ = failure { try fixture.store.close() }
    try fixture.reopen()
    #expect(try fixture.queue.readAll().count == 10)
    #expect(try fixture.queue.delivered(to: "billing") == [7, 8, 9])
  }

  @Test func placesAreSavedWhenTheLogTakesNoFrames() throws {
    let fixture = try StoreFixture()
    let queue = fixture.queue
    for number in 0..<10 { try queue.append(CursorFixture.payload(number)) }
    let cursor = try queue.openCursor("billing")
    fixture.disk.fail([.write], with: ENOSPC)
    let waiting = try queue.append([1], level: .published)
    fixture.disk.waitForRefusals(1)
    try cursor.acknowledge(through: 4, waitingFor: .durable)
    try cursor.acknowledge(through: 6, waitingFor: .durable)
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try copy.open(fixture.options).queue(named: "events").delivered(to: "billing") == [7, 8, 9])
    fixture.disk.heal()
    try queue.wait(for: waiting)
    try cursor.acknowledge(through: 7, waitingFor: .durable)
    #expect(cursor.acknowledgedSequence == 8)
  }

  @Test func placesAreSavedAfterTheQueueFailed() throws {
    let fixture = try StoreFixture()
    let queue = fixture.queue
    for number in 0..<10 { try queue.append(CursorFixture.payload(number)) }
    let cursor = try queue.openCursor("billing")
    fixture.disk.fail([.sync], with: EIO)
    #expect(failure { try queue.append([1]) } != nil)
    try cursor.acknowledge(through: 6, waitingFor: .durable)
    let copy = try StoreCopy(of: fixture.scratch.path)
    let again = try copy.open(fixture.options).queue(named: "events")
    #expect(try again.delivered(to: "billing").prefix(3) == [7, 8, 9])
  }
}
