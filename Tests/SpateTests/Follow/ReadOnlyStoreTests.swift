import Glibc
import Testing

@testable import Spate

/// Reading a store that somebody else owns, or nobody.
@Suite struct ReadOnlyStoreTests {
  private func payloads(_ queue: ReadOnlyQueue, from start: StartPosition = .earliest) throws -> [[UInt8]] {
    var cursor = try queue.cursor(from: start)
    return try rest(&cursor)
  }

  private func rest(_ cursor: inout Cursor) throws -> [[UInt8]] {
    var all: [[UInt8]] = []
    while let record = try cursor.next() { all.append(CursorFixture.bytes(record.payload)) }
    return all
  }

  /// What the cursor sees next, waiting for it.
  private func waited(_ cursor: inout Cursor) throws -> [UInt8]? {
    guard let record = try cursor.next(until: .now + .seconds(20)) else { return nil }
    return CursorFixture.bytes(record.payload)
  }

  @Test(arguments: IOWay.all) func aReaderSeesWhatItsOwnerMadeDurableBeforeAndAfter(way: IOWay) throws {
    let fixture = try StoreFixture(way) { $0.maximalSegmentByteCount = 64 << 10 }
    for number in 0..<100 { _ = try fixture.queue.appendBlocking(CursorFixture.payload(number, 3000)) }
    let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
    #expect(try reader.queueNames == ["events"])
    let queue = try reader.queue(named: "events")
    #expect(reader.hasOwner)
    #expect(queue.durableSequence == 100)
    var cursor = try queue.cursor()
    #expect(try rest(&cursor) == (0..<100).map { CursorFixture.payload($0, 3000) })
    // One at a time, so that each has to wake the reader, over several rolls.
    for number in 100..<200 {
      _ = try fixture.queue.appendBlocking(CursorFixture.payload(number, 3000))
      #expect(try waited(&cursor) == CursorFixture.payload(number, 3000))
    }
    #expect(try cursor.next() == nil)
    #expect(cursor.lag == 0)
  }

  @Test func aReaderSeesNothingThatIsNotDurable() throws {
    let fixture = try StoreFixture()
    _ = try fixture.queue.appendBlocking([1])
    let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
    var cursor = try reader.queue(named: "events").cursor()
    #expect(try waited(&cursor) == [1])
    fixture.disk.stall()
    _ = try fixture.queue.appendBlocking([2], level: .published)
    #expect(try cursor.next(until: .now + .milliseconds(50)) == nil)
    fixture.disk.resume()
    #expect(try waited(&cursor) == [2])
  }

  @Test func aStoreWithoutOwnerIsReadToItsEndAndLeftAsItIs() throws {
    let fixture = try StoreFixture()
    for number in 0..<50 { _ = try fixture.queue.appendBlocking(CursorFixture.payload(number, 100)) }
    try fixture.store.close()
    let before = try DirectorySnapshot(fixture.scratch.path)
    do {
      let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
      let queue = try reader.queue(named: "events")
      #expect(!reader.hasOwner)
      #expect(queue.recoveryReport.isClean)
      #expect(try payloads(queue) == (0..<50).map { CursorFixture.payload($0, 100) })
      #expect(try payloads(queue, from: .sequence(48)) == (48..<50).map { CursorFixture.payload($0, 100) })
    }
    #expect(try DirectorySnapshot(fixture.scratch.path) == before)
  }

  @Test func aReaderGoesOnWithTheNextOwner() throws {
    let fixture = try StoreFixture()
    _ = try fixture.queue.appendBlocking([0])
    let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
    var cursor = try reader.queue(named: "events").cursor()
    #expect(try waited(&cursor) == [0])
    for life in 1..<6 as Range<UInt8> {
      try fixture.reopen()
      _ = try fixture.queue.appendBlocking([life])
      #expect(try waited(&cursor) == [life])
    }
  }

  @Test func aReaderThatCannotReachTheOwnersPageReadsTheFiles() throws {
    let fixture = try StoreFixture()
    let file = try fixture.disk.open(StoreLayout.lockName, .readWriteBuffered)
    let hidden = StoreOwner(process: getpid(), pageDescriptor: -1, instance: 1)
    try unsafe hidden.encoded.span.bytes.withUnsafeBytes { try unsafe fixture.disk.write(file, $0, at: 0) }
    fixture.disk.close(file)
    _ = try fixture.queue.appendBlocking([1])
    let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
    var cursor = try reader.queue(named: "events").cursor()
    #expect(reader.hasOwner)
    #expect(try waited(&cursor) == [1])
    for number in 2..<6 as Range<UInt8> {
      _ = try fixture.queue.appendBlocking([number])
      #expect(try waited(&cursor) == [number])
    }
  }

  @Test func viewsOfATrimmedSegmentStayWhatTheyWere() throws {
    let fixture = try StoreFixture { $0.maximalSegmentByteCount = 64 << 10 }
    for number in 0..<100 { _ = try fixture.queue.appendBlocking(CursorFixture.payload(number, 3000)) }
    let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
    let queue = try reader.queue(named: "events")
    var cursor = try queue.cursor()
    let batch = try #require(try cursor.nextBatch(maximalCount: 8))
    try fixture.queue.trim(before: 90)
    // What was trimmed would be used again for these.
    for number in 100..<200 { _ = try fixture.queue.appendBlocking(CursorFixture.payload(number, 3000)) }
    for index in 0..<batch.count {
      let bytes = batch.withRecord(at: index) { CursorFixture.bytes($0.payload) }
      #expect(bytes == CursorFixture.payload(index, 3000))
    }
    batch.release()
    var late = try queue.cursor(from: .earliest)
    if let error = failure(of: { while try late.next() != nil {} }) { #expect(error.code == .outOfRange) }
    try late.seek(to: .earliest)
    #expect(try rest(&late).last == CursorFixture.payload(199, 3000))
    #expect(queue.firstSequence > 0)
  }

  @Test func aReaderBehindATrimGetsATypedErrorAndGoesOn() throws {
    let fixture = try StoreFixture { $0.maximalSegmentByteCount = 64 << 10 }
    for number in 0..<200 { _ = try fixture.queue.appendBlocking(CursorFixture.payload(number, 3000)) }
    let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
    var cursor = try reader.queue(named: "events").cursor()
    #expect(try waited(&cursor) == CursorFixture.payload(0, 3000))
    try fixture.queue.trim(before: 150)
    for number in 200..<300 { _ = try fixture.queue.appendBlocking(CursorFixture.payload(number, 3000)) }
    let error = failure { while try cursor.next() != nil {} }
    let found = try #require(error)
    #expect(found.code == .outOfRange)
    let first = try #require(found.sequence)
    #expect(first > 0 && first <= 150)
    try cursor.seek(to: .sequence(first))
    #expect(try rest(&cursor) == (Int(first)..<300).map { CursorFixture.payload($0, 3000) })
  }

  @Test func aReaderBeyondATruncationIsToldAndReadsWhatCameInstead() throws {
    let fixture = try StoreFixture()
    for number in 0..<20 as Range<UInt8> { _ = try fixture.queue.appendBlocking([number]) }
    let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
    var cursor = try reader.queue(named: "events").cursor()
    #expect(try rest(&cursor).count == 20)
    try fixture.queue.truncate(from: 10)
    _ = try fixture.queue.appendBlocking([99])
    let error = failure { _ = try cursor.next(until: .now + .seconds(20)) }
    #expect(error?.code == .outOfRange)
    #expect(error?.sequence == 10)
    #expect(try waited(&cursor) == [99])
    #expect(cursor.sequence == 11)
  }

  @Test func asynchronousBatchesFollowTheOwner() async throws {
    let fixture = try StoreFixture()
    let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
    _ = try await fixture.queue.append([0])
    let batches = try reader.queue(named: "events").batches()
    let task = Task {
      var count = 0
      for try await batch in batches {
        count += batch.count
        batch.release()
        if count == 50 { return count }
      }
      return count
    }
    for number in 1..<50 as Range<UInt8> { _ = try await fixture.queue.append([number]) }
    #expect(try await task.value == 50)
  }

  @Test func whereThereIsNoStoreNothingIsMade() throws {
    let scratch = IOScratch()
    let missing = failure { try ReadOnlyStore.open(at: scratch.path + "/none") }
    #expect(missing?.code == .notFound)
    let empty = failure { try ReadOnlyStore.open(at: scratch.path) }
    #expect(empty?.code == .notFound)
    #expect(try DirectorySnapshot(scratch.path).entries.isEmpty)
    let fixture = try StoreFixture()
    let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
    #expect(failure { try reader.queue(named: "other") }?.code == .notFound)
    #expect(failure { try reader.queue(named: "a/b") }?.code == .invalidArgument)
    reader.close()
    #expect(failure { try reader.queue(named: "events") }?.code == .closed)
  }

  @Test func closingEndsTheWaitsOfItsCursors() throws {
    let fixture = try StoreFixture()
    let reader = try ReadOnlyStore.open(at: fixture.scratch.path)
    let queue = try reader.queue(named: "events")
    try onThreads(2) { index in
      if index == 0 {
        var cursor = try queue.cursor()
        #expect(failure { _ = try cursor.next(until: nil) }?.code == .closed)
      } else {
        usleep(20_000)
        reader.close()
      }
    }
  }
}
