import Glibc
import Synchronization
import Testing

@testable import Spate

/// What producers meet when the disk stalls and the memory budget is used up.
@Suite struct BackPressureTests {
  /// A small store whose committer stands still, filled until nothing more fits.
  private func full(_ way: IOWay? = nil) throws -> (fixture: StoreFixture, count: Int) {
    let fixture = try StoreFixture(way) {
      $0.memoryBudgetByteCount = 4 << 20
      // One segment for all of it: the memory is what runs out.
      $0.minimalSegmentByteCount = 16 << 20
      $0.maximalSegmentByteCount = 16 << 20
    }
    try fixture.queue.append(CursorFixture.payload(0, 1000))
    fixture.disk.stall()
    var count = 1
    while true {
      let payload = CursorFixture.payload(count, 1000)
      let outcome = try unsafe fixture.queue.tryAppend(payload.span.bytes)
      if outcome == .backPressured {
        // Memory on its way to or from the system is back in a moment; then the budget is the bound: all but the eighth
        // that is for queues with next to nothing, to the last page.
        if fixture.store.statistics.memoryByteCount == 7 << 19 { break }
        usleep(100)
        continue
      }
      #expect(outcome == .appended(sequence: UInt64(count)))
      count += 1
      if count > 5000 { throw CursorFixture.Missing() }
    }
    return (fixture, count)
  }

  private func expectAllIsThere(_ queue: Queue, count: Int) throws {
    let payloads = try queue.readAll().map(\.payload)
    #expect(payloads.count == count)
    #expect(payloads.enumerated().allSatisfy { $0.element == CursorFixture.payload($0.offset, 1000) })
  }

  @Test(arguments: IOWay.all)
  func withoutRoomATryIsBackPressuredAndNeverShowsUp(way: IOWay) throws {
    let (fixture, count) = try full(way)
    // The budget was used, and not exceeded.
    #expect(count > 2500)
    let statistics = fixture.store.statistics
    #expect(statistics.peakMemoryByteCount <= statistics.memoryBudgetByteCount)
    for _ in 0..<100 {
      let payload = CursorFixture.payload(9999, 1000)
      #expect(try unsafe fixture.queue.tryAppend(payload.span.bytes) == .backPressured)
    }
    #expect(fixture.queue.statistics.backPressureCount >= 101)
    #expect(fixture.queue.statistics.droppedCount == 0)
    fixture.disk.resume()
    try fixture.queue.wait(for: UInt64(count - 1))
    try expectAllIsThere(fixture.queue, count: count)
    #expect(try fixture.queue.append(CursorFixture.payload(count, 1000)) == UInt64(count))
    try fixture.reopen()
    try expectAllIsThere(fixture.queue, count: count + 1)
  }

  @Test func droppedRecordsAreCountedAndNeverShowUp() throws {
    let (fixture, count) = try full()
    let payload = CursorFixture.payload(9999, 1000)
    for _ in 0..<7 {
      #expect(try unsafe fixture.queue.tryAppend(payload.span.bytes, policy: .drop) == .dropped)
    }
    var batch = RecordBatch()
    for _ in 0..<30 { try batch.append(payload) }
    #expect(try fixture.queue.tryAppend(batch) == .backPressured)
    #expect(try fixture.queue.tryAppend(batch, policy: .drop) == .dropped)
    let statistics = fixture.queue.statistics
    #expect(statistics.droppedCount == 37)
    #expect(statistics.firstDropTimestamp > 0)
    #expect(statistics.lastDropTimestamp >= statistics.firstDropTimestamp)
    #expect(
      statistics.droppedRanges == [
        DroppedRange(
          count: 37,
          firstTimestamp: statistics.firstDropTimestamp,
          lastTimestamp: statistics.lastDropTimestamp
        )
      ]
    )
    fixture.disk.resume()
    try fixture.queue.wait(for: UInt64(count - 1))
    try expectAllIsThere(fixture.queue, count: count)
    #expect(try unsafe fixture.queue.tryAppend(payload.span.bytes, policy: .drop) != .dropped)
    #expect(fixture.queue.statistics.droppedCount == 37)
  }

  @Test func everyWayToDropIsCounted() throws {
    let (fixture, _) = try full()
    let queue = fixture.queue
    let payload = CursorFixture.payload(9999, 1000)
    var batch = RecordBatch()
    for _ in 0..<5 { try batch.append(payload) }
    // As many as memory holds up to now are not dropped.
    var dropped: UInt64 = 0
    func count(_ records: UInt64, _ outcome: AppendOutcome) {
      #expect(outcome == .dropped)
      dropped += records
      #expect(queue.statistics.droppedCount == dropped)
      #expect(queue.statistics.droppedRanges.reduce(0) { $0 + $1.count } == dropped)
    }
    let begun = queue.clock.refresh()
    for _ in 0..<3 {
      count(1, try unsafe queue.tryAppend(payload.span.bytes, policy: .drop))
      count(1, try unsafe queue.tryAppend(payload.span.bytes, key: payload.span.bytes, policy: .drop))
      count(5, try queue.tryAppend(batch, policy: .drop))
    }
    let ended = queue.clock.refresh()
    // Who is told that there is no room has dropped nothing.
    #expect(try unsafe queue.tryAppend(payload.span.bytes) == .backPressured)
    #expect(try queue.tryAppend(batch) == .backPressured)
    #expect(queue.statistics.droppedCount == dropped)
    for range in queue.statistics.droppedRanges {
      #expect(range.firstTimestamp >= begun && range.lastTimestamp <= ended)
    }
  }

  @Test func aClockThatWasSetBackShortensNoRangeOfDrops() {
    let counters = QueueCounters()
    counters.countDrop(at: 5_000_000_000, records: 1)
    counters.countDrop(at: 4_000_000_000, records: 2)
    var statistics = QueueStatistics()
    counters.fill(&statistics)
    let range = DroppedRange(count: 3, firstTimestamp: 5_000_000_000, lastTimestamp: 5_000_000_000)
    #expect(statistics.droppedRanges == [range])
    #expect(statistics.droppedCount == 3)
  }

  @Test func dropsThatAreFarApartAreRangesOfTheirOwn() {
    let counters = QueueCounters()
    let second: UInt64 = 1_000_000_000
    counters.countDrop(at: 10 * second, records: 2)
    counters.countDrop(at: 11 * second - 1, records: 3)
    counters.countDrop(at: 12 * second, records: 1)
    var statistics = QueueStatistics()
    counters.fill(&statistics)
    #expect(
      statistics.droppedRanges == [
        DroppedRange(count: 5, firstTimestamp: 10 * second, lastTimestamp: 11 * second - 1),
        DroppedRange(count: 1, firstTimestamp: 12 * second, lastTimestamp: 12 * second),
      ]
    )
    for burst in 0..<100 as Range<UInt64> { counters.countDrop(at: (20 + 2 * burst) * second, records: 1) }
    counters.fill(&statistics)
    #expect(statistics.droppedRanges.count == QueueStatistics.droppedRangeLimit)
    #expect(statistics.droppedCount == 106)
    #expect(statistics.firstDropTimestamp == 10 * second)
    #expect(statistics.lastDropTimestamp == 218 * second)
  }

  @Test func atTheDeadlineNothingWasAppended() throws {
    let (fixture, count) = try full()
    let queue = fixture.queue
    let payload = CursorFixture.payload(9999, 1000)
    var batch = RecordBatch()
    try batch.append(payload)
    let errors = [
      failure { try unsafe queue.append(payload.span.bytes, until: .past) },
      failure {
        try unsafe queue.append(payload.span.bytes, level: .published, until: .now + .milliseconds(20))
      },
      failure { try unsafe queue.append(payload.span.bytes, key: payload.span.bytes, until: .past) },
      failure { try queue.append(batch, until: .past) },
      failure { try queue.claim(byteCount: 1000, until: .past) },
    ]
    for error in errors {
      #expect(error?.code == .backPressured)
      #expect(error?.sequence == nil)
    }
    var isRefused = false
    if try queue.tryClaim(byteCount: 1000) == nil { isRefused = true }
    #expect(isRefused)
    #expect(try unsafe queue.append(payload.span.bytes, at: UInt64(count), until: .past) == .backPressured)
    #expect(queue.statistics.backPressureNanoseconds > 0)
    fixture.disk.resume()
    try queue.wait(for: UInt64(count - 1))
    try expectAllIsThere(queue, count: count)
  }

  @Test func blockedProducersGoOnOnceThereIsRoom() throws {
    let (fixture, count) = try full()
    let queue = fixture.queue
    let disk = fixture.disk
    let begun = Mutex(0)
    try onThreads(5) { thread in
      guard thread < 4 else {
        // They wait before the disk goes on, or find room at once: both must end.
        while begun.withLock({ $0 }) < 4 {}
        disk.resume()
        return
      }
      begun.withLock { $0 += 1 }
      if thread == 0 { try queue.append([UInt8](repeating: 7, count: 1 << 20)) }
      for _ in 0..<200 { try queue.append([UInt8](repeating: 9, count: 1000), level: .published) }
      try queue.append([UInt8](repeating: 9, count: 1000))
    }
    let records = try queue.readAll()
    #expect(records.map(\.sequence) == Array(0..<UInt64(count + 805)))
    #expect(fixture.store.statistics.peakMemoryByteCount <= 4 << 20)
  }

  @Test func oneQueueCannotTakeTheRoomThatASmallOneNeeds() throws {
    let (fixture, count) = try full()
    let small = try fixture.store.queue(named: "small")
    // The first try may find its segment file not ready.
    var sequence: UInt64?
    while sequence == nil {
      let bytes: [UInt8] = [1]
      if case .appended(let found) = try unsafe small.tryAppend(bytes.span.bytes) { sequence = found }
    }
    fixture.disk.resume()
    try small.wait(for: 0)
    try fixture.queue.wait(for: UInt64(count - 1))
  }

  // MARK: Asynchronous appends

  @Test func anAsynchronousAppendSuspendsForRoomAndGoesOn() async throws {
    let (fixture, count) = try full()
    let queue = fixture.queue
    let appends = (0..<10).map { _ in
      Task { try await queue.append([UInt8](repeating: 5, count: 2000)) }
    }
    await Task.yield()
    fixture.disk.resume()
    var sequences: Set<UInt64> = []
    for append in appends { sequences.insert(try await append.value) }
    #expect(sequences == Set(UInt64(count)..<UInt64(count + 10)))
    #expect(queue.durableSequence == UInt64(count + 10))
  }

  @Test func cancellingBeforeThereIsRoomAppendsNothing() async throws {
    let (fixture, count) = try full()
    let queue = fixture.queue
    let one = Task { try await queue.append([UInt8](repeating: 5, count: 2000)) }
    let several = Task {
      var batch = RecordBatch()
      for _ in 0..<10 { try batch.append([UInt8](repeating: 5, count: 2000)) }
      return try await queue.append(batch)
    }
    one.cancel()
    several.cancel()
    await expectCancelled(one, sequence: nil)
    await expectCancelled(several, sequence: nil)
    fixture.disk.resume()
    try await queue.wait(for: UInt64(count - 1))
    let last = try await queue.append([1])
    #expect(last == UInt64(count))
  }

  @Test func cancellingTheWaitLeavesTheRecordInDoubtAndTheLogDecides() async throws {
    let fixture = try StoreFixture()
    let queue = fixture.queue
    try await queue.append([0])
    fixture.disk.stall()
    let append = Task { try await queue.append([1]) }
    while queue.core.ring.claimedEnd.sequence < 2 { await Task.yield() }
    append.cancel()
    await expectCancelled(append, sequence: 1)
    let wait = Task { try await queue.wait(for: 1) }
    wait.cancel()
    await expectCancelled(wait, sequence: 1)
    fixture.disk.resume()
    try await queue.wait(for: 1)
    func read() throws -> [[UInt8]] { try queue.readAll().map(\.payload) }
    #expect(try read() == [[0], [1]])
  }

  private func expectCancelled<R: Sendable>(_ task: Task<R, any Error>, sequence: UInt64?) async {
    switch await task.result {
    case .success: Issue.record("the append went through")
    case .failure(let error):
      #expect((error as? SpateError)?.code == .cancelled)
      #expect((error as? SpateError)?.sequence == sequence)
    }
  }

  @Test(arguments: IOWay.all)
  func asynchronousAppendsOfManyTasksAreThereOnce(way: IOWay) async throws {
    let fixture = try StoreFixture(way)
    let queue = fixture.queue
    let sequences = try await withThrowingTaskGroup(of: [UInt64].self) { group in
      for task in 0..<20 {
        group.addTask {
          var all: [UInt64] = []
          for number in 0..<20 {
            let level = DurabilityLevel.allCases[number % 3]
            all.append(try await queue.append([UInt8(task), UInt8(number)], level: level))
          }
          return all
        }
      }
      return try await group.reduce(into: [UInt64]()) { $0 += $1 }
    }
    #expect(Set(sequences) == Set(0..<400))
    try await queue.wait(for: 399)
    func read() throws -> Set<[UInt8]> { Set(try queue.readAll().map(\.payload)) }
    #expect(try read().count == 400)
  }
}
