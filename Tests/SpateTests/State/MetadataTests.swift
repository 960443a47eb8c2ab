import Glibc
import Synchronization
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
    // Written, so that a look at the files finds it, and not synced.
    fixture.disk.fail([.sync], with: EIO)
    try fixture.queue.setMetadataNow([3], named: "owner", level: .published)
    #expect(failure { try fixture.queue.wait(for: fixture.queue.core.ring.claimedEnd.sequence) } != nil)
    #expect(fixture.queue.metadata == ["owner": [3]])
    #expect(try queue.readMetadata() == ["owner": [2]])
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

  @Test func aReaderSeesValuesThatWereSetWhileTheLogIsTrimmedAllTheWhile() throws {
    let fixture = try CursorFixture()
    let owned = fixture.queue
    try owned.setMetadataNow([0], named: "owner")
    let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
    let queue = try reader.queue(named: "events")
    let isOver = Atomic<Bool>(false)
    let durable = Atomic<Int>(0)
    try onThreads(2) { thread in
      if thread == 0 {
        defer { isOver.store(true, ordering: .releasing) }
        for round in 1...60 {
          try owned.setMetadataNow(Array("\(round)".utf8), named: "owner")
          durable.store(round, ordering: .releasing)
          for number in 0..<99 {
            try owned.appendBlocking(CursorFixture.payload(number, 1000), level: .published)
          }
          let last = try owned.appendBlocking(CursorFixture.payload(99, 1000))
          try owned.trim(before: last - 10)
        }
        return
      }
      while !isOver.load(ordering: .acquiring) {
        let least = durable.load(ordering: .acquiring)
        guard let found = try? queue.readMetadata()["owner"] else { continue }
        let value = try #require(Int(String(decoding: found, as: UTF8.self)) ?? (found == [0] ? 0 : nil))
        let most = durable.load(ordering: .acquiring) + 1
        #expect((least...most).contains(value))
      }
    }
  }
}
