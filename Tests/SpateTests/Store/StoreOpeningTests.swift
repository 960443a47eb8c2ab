import Glibc
import Testing

@testable import Spate

@Suite struct StoreOpeningTests {
  @Test(arguments: IOWay.all)
  func openingMakesAStoreAndOpeningAgainFindsItsRecords(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    #expect(fixture.store.ioDescription.strategy == way.strategy)
    #expect(fixture.store.ioDescription.mode == way.mode)
    for number in 0..<100 { try fixture.queue.append(CursorFixture.payload(number), level: .published) }
    try fixture.store.queue(named: "other").append([7])
    try fixture.store.close()
    try fixture.reopen()
    #expect(fixture.queue.recoveryReport.isClean)
    #expect(try fixture.queue.readAll().map(\.payload) == (0..<100).map { CursorFixture.payload($0) })
    #expect(try fixture.store.queue(named: "other").readAll().map(\.payload) == [[7]])
    #expect(try fixture.queue.append([1]) == 100)
    #expect(fixture.queue.epoch == 2)
    #expect(try fixture.store.queueNames == ["events", "other"])
  }

  @Test func aStoreIsMadeInAMissingDirectoryUnlessToldNotTo() throws {
    let scratch = IOScratch()
    var options = StoreOptions()
    options.createsIfMissing = false
    let path = scratch.path + "/store"
    #expect(failure { try Store.open(at: path, options: options) }?.code == .notFound)
    #expect(scratch.names == [])
    try Store.open(at: path).close()
    try Store.open(at: path, options: options).close()
    var queueOptions = QueueOptions()
    queueOptions.createsIfMissing = false
    let store = try Store.open(at: path)
    #expect(failure { try store.queue(named: "q", options: queueOptions) }?.code == .notFound)
    #expect(try store.queueNames == [])
    _ = try store.queue(named: "q")
    #expect(try store.queue(named: "q", options: queueOptions).name == "q")
    try store.close()
    let lost = failure { try Store.open(at: scratch.path + "/no/store") }
    #expect(lost?.code == .notFound)
  }

  @Test func askingTwiceForAQueueGivesTheSameOne() throws {
    let fixture = try StoreFixture()
    let other = try fixture.store.queue(named: "events")
    #expect(try fixture.queue.append([1]) == 0)
    #expect(try other.append([2]) == 1)
    #expect(other.durableSequence == 2)
    #expect(fixture.store.statistics.queueCount == 1)
  }

  @Test func manyThreadsThatAskForANewQueueGetOne() throws {
    let fixture = try StoreFixture()
    let store = fixture.store
    try onThreads(8) { index in
      let queue = try store.queue(named: "shared")
      for _ in 0..<20 { try queue.append([UInt8(index)], level: .written) }
    }
    let records = try store.queue(named: "shared").readAll(following: .published)
    #expect(records.map(\.sequence) == Array(0..<160))
  }

  @Test func aQueueBeginsAtItsBaseSequenceAndKeepsIt() throws {
    let fixture = try StoreFixture()
    var options = QueueOptions()
    options.baseSequence = 1_000_000
    let queue = try fixture.store.queue(named: "replica", options: options)
    #expect(try queue.append([1]) == 1_000_000)
    try fixture.reopen()
    let again = try fixture.store.queue(named: "replica")
    #expect(try again.append([2]) == 1_000_001)
    #expect(try again.readAll().map(\.sequence) == [1_000_000, 1_000_001])
  }

  @Test func closingTwiceDoesNothingMoreAndEverythingElseSaysClosed() throws {
    let fixture = try StoreFixture()
    try fixture.queue.append([1])
    try fixture.store.close()
    try fixture.store.close()
    let queue = fixture.queue
    #expect(failure { try queue.append([2]) }?.code == .closed)
    let bytes: [UInt8] = [3]
    #expect(failure { try unsafe queue.tryAppend(bytes.span.bytes) }?.code == .closed)
    #expect(failure { try queue.tryClaim(byteCount: 4) }?.code == .closed)
    #expect(failure { try queue.wait(for: 7) }?.code == .closed)
    #expect(failure { try unsafe queue.append(bytes.span.bytes, at: 1) }?.code == .closed)
    let store = fixture.store
    #expect(failure { try store.queue(named: "events") }?.code == .closed)
    try queue.wait(for: 0)
  }

  @Test func closingMakesWhatWasPublishedDurable() throws {
    let fixture = try StoreFixture()
    for number in 0..<5000 { try fixture.queue.append(CursorFixture.payload(number), level: .published) }
    try fixture.store.close()
    #expect(fixture.queue.durableSequence == 5000)
    try fixture.reopen()
    #expect(try fixture.queue.readAll().count == 5000)
  }

  @Test func aStoreThatIsReleasedIsClosed() throws {
    let scratch = IOScratch()
    for round in 0..<3 {
      let queue = try Store.open(at: scratch.path).queue(named: "q")
      // The handle keeps the queue, not the store.
      let error = failure { try queue.append([UInt8(round)]) }
      #expect(error == nil || error?.code == .closed)
    }
    try Store.open(at: scratch.path).close()
  }

  // MARK: One owner

  @Test func aSecondOwnerInThisProcessIsToldWho() throws {
    let fixture = try StoreFixture()
    try fixture.queue.append([1])
    let before = try DirectorySnapshot(fixture.scratch.path)
    let path = fixture.scratch.path
    let error = try #require(failure { try Store.open(at: path) })
    #expect(error.code == .locked)
    #expect(error.message.contains("this process (\(getpid()))"))
    #expect(try DirectorySnapshot(path) == before)
    #expect(try fixture.queue.append([2]) == 1)
    try fixture.store.close()
    try Store.open(at: path).close()
  }

  @Test func aSecondOwnerInAnotherProcessIsToldWho() throws {
    let scratch = IOScratch()
    try Store.open(at: scratch.path).close()
    let child = try ChildProcess(["hold", "path=\(scratch.path)"])
    #expect(child.firstLine() == "held")
    let before = try DirectorySnapshot(scratch.path)
    let error = try #require(failure { try Store.open(at: scratch.path) })
    #expect(error.code == .locked)
    #expect(error.message.contains("process \(child.identifier)"))
    #expect(!error.message.contains("this process"))
    #expect(try DirectorySnapshot(scratch.path) == before)
    _ = child.finish()
    try Store.open(at: scratch.path).close()
  }

  @Test func aKilledOwnerLeavesNoLock() throws {
    let scratch = IOScratch()
    let child = try ChildProcess(["hold", "path=\(scratch.path)"])
    #expect(child.firstLine() == "held")
    child.kill()
    try Store.open(at: scratch.path).close()
  }
}
