import Glibc
import Testing

@testable import Spate

/// Small values that a queue keeps beside its records.
@Suite struct MetadataTests {
  @Test func valuesAreKeptOverKillsAndCloses() throws {
    let fixture = try CursorFixture()
    try fixture.queue.setMetadataNow([1, 2, 3], named: "owner")
    try fixture.queue.setMetadataNow([9], named: "gone")
    try fixture.append(0..<10)
    try fixture.queue.setMetadataNow([], named: "gone")
    try fixture.queue.setMetadataNow([4], named: "owner")
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try copy.open(fixture.options).queue(named: "events").metadata == ["owner": [4]])
    try fixture.reopen()
    #expect(fixture.queue.metadata(named: "owner") == [4])
    #expect(fixture.queue.metadata(named: "gone") == nil)
    #expect(try fixture.queue.readAll().count == 10)
  }

  @Test func valuesOutliveTheTrimOfTheirFramesAndLivesThatTouchNothing() throws {
    let fixture = try CursorFixture()
    try fixture.queue.setMetadataNow([7], named: "owner")
    for life in 0..<4 {
      let begin = Int(fixture.queue.durableSequence)
      try fixture.append(begin..<begin + 200, byteCount: 1000)
      try fixture.queue.trim(before: UInt64(begin + 150))
      let copy = try StoreCopy(of: fixture.scratch.path)
      #expect(try copy.open(fixture.options).queue(named: "events").metadata == ["owner": [7]])
      if life % 2 == 1 { try fixture.reopen() }
    }
    #expect(fixture.queue.core.state.statePosition == 0)
  }

  @Test func aDamagedCheckpointIsMadeUpForByTheLog() throws {
    let fixture = try CursorFixture()
    try fixture.queue.setMetadataNow([7], named: "owner")
    try fixture.queue.core.state.checkpoint()
    try fixture.append(0..<200, byteCount: 1000)
    let copy = try StoreCopy(of: fixture.scratch.path)
    try copy.edit("queues/events/" + Format.checkpointName) { $0[60] ^= 1 }
    let queue = try copy.open(fixture.options).queue(named: "events")
    #expect(queue.recoveryReport.findings.contains(.unreadableCheckpoint))
    #expect(queue.metadata == ["owner": [7]])
  }

  @Test func whatIsNotDurableIsInNoCheckpoint() throws {
    let fixture = try StoreFixture()
    try fixture.queue.setMetadataNow([1], named: "owner")
    fixture.disk.stall()
    try fixture.queue.setMetadataNow([2], named: "owner", level: .published)
    #expect(fixture.queue.metadata(named: "owner") == [2])
    try fixture.queue.core.state.checkpoint()
    let copy = try StoreCopy(of: fixture.scratch.path)
    fixture.disk.resume()
    #expect(try copy.open(fixture.options).queue(named: "events").metadata == ["owner": [1]])
  }

  @Test func limitsAreTyped() throws {
    let fixture = try CursorFixture()
    let queue = fixture.queue
    #expect(failure { try queue.setMetadata([1], named: "") }?.code == .invalidArgument)
    let long = String(repeating: "n", count: 201)
    #expect(failure { try queue.setMetadata([1], named: long) }?.code == .invalidArgument)
    let large = [UInt8](repeating: 1, count: Transaction.maximalValueByteCount)
    #expect(failure { try queue.setMetadata(large + [1], named: "x") }?.code == .tooLarge)
    for number in 10..<25 { try queue.setMetadataNow(large, named: "n\(number)", level: .published) }
    #expect(failure { try queue.setMetadata(large, named: "n25") }?.code == .tooLarge)
    #expect(queue.metadata.count == 15)
    // One that replaces another is no more than before.
    try queue.setMetadataNow(large, named: "n12")
  }

  @Test func aReaderInAnotherPlaceSeesValuesOnceTheyAreDurable() throws {
    let fixture = try StoreFixture()
    try fixture.queue.setMetadataNow([1], named: "owner")
    let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
    let queue = try reader.queue(named: "events")
    #expect(try queue.readMetadata() == ["owner": [1]])
    try fixture.queue.setMetadataNow([2], named: "owner")
    #expect(try queue.readMetadata() == ["owner": [2]])
    // Published, and not written.
    fixture.disk.stall()
    try fixture.queue.setMetadataNow([3], named: "owner", level: .published)
    #expect(try queue.readMetadata() == ["owner": [2]])
    fixture.disk.resume()
    reader.close()
    #expect(failure { try queue.readMetadata() }?.code == .closed)
  }

  @Test func aReaderFollowsValuesThroughTrimsTruncationsAndTheNextOwner() throws {
    let fixture = try CursorFixture()
    let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
    try fixture.queue.setMetadataNow([0], named: "owner")
    let queue = try reader.queue(named: "events")
    for life in 1..<4 as Range<UInt8> {
      let begin = Int(fixture.queue.durableSequence)
      try fixture.queue.setMetadataNow([life], named: "owner")
      try fixture.append(begin..<begin + 200, byteCount: 1000)
      try fixture.queue.trim(before: UInt64(begin + 150))
      #expect(try queue.readMetadata() == ["owner": [life]])
      try fixture.queue.truncate(from: UInt64(begin + 180))
      #expect(try queue.readMetadata() == ["owner": [life]])
      try fixture.queue.setMetadataNow([life, life], named: "owner")
      #expect(try queue.readMetadata() == ["owner": [life, life]])
      try fixture.store.close()
      #expect(try queue.readMetadata() == ["owner": [life, life]])
      try fixture.reopen()
    }
  }

  @Test func aReaderTakesNothingOfTheFilesThatIsNotKnownToBeDurable() throws {
    let fixture = try CursorFixture()
    try fixture.queue.setMetadataNow([1], named: "owner")
    let storage = try SystemStorage(root: fixture.scratch.path, readOnly: true)
    let log = try FollowedQueue(name: "events", storage: storage, support: CursorSupport(pinLimit: 0))
    try log.scan()
    // In the files, beyond the mark that the reader knows.
    try fixture.queue.setMetadataNow([2], named: "owner")
    #expect(try log.readMetadata() == ["owner": [1]])
    try log.scan()
    #expect(try log.readMetadata() == ["owner": [2]])
  }

  @Test func aTrimBetweenTwoLooksOfAReaderHidesNothing() throws {
    let fixture = try CursorFixture()
    let owned = fixture.queue
    try owned.setMetadataNow([1], named: "owner")
    try fixture.append(0..<200, byteCount: 1000)
    let disk = FaultyStorage(try SystemStorage(root: fixture.scratch.path, readOnly: true))
    let log = try FollowedQueue(name: "events", storage: disk, support: CursorSupport(pinLimit: 0))
    try log.scan()
    #expect(try log.readMetadata() == ["owner": [1]])
    // The checkpoint is read, and then the owner trims the frames that it does not contain.
    disk.onNextListing {
      _ = try? owned.setMetadataNow([2], named: "other")
      for number in 0..<200 { _ = try? owned.appendBlocking(CursorFixture.payload(number, 1000)) }
      _ = try? owned.trim(before: owned.durableSequence - 10)
    }
    #expect(try log.readMetadata() == nil)
    try log.scan()
    #expect(try log.readMetadata() == ["owner": [1], "other": [2]])
  }
}
