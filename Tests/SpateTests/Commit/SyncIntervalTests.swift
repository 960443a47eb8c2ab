import CSpate
import Glibc
import Testing

@testable import Spate

/// A queue that puts its syncs off.
@Suite struct SyncIntervalTests {
  private func fixture(_ way: IOWay, interval: UInt64) throws -> (fixture: StoreFixture, queue: Queue) {
    let fixture = try StoreFixture(way)
    var options = QueueOptions()
    options.syncIntervalNanoseconds = interval
    return (fixture, try fixture.store.queue(named: "later", options: options))
  }

  @Test(arguments: IOWay.all)
  func recordsThatNobodyAwaitsAreNotSyncedBeforeTheirTime(way: IOWay) throws {
    let (fixture, queue) = try fixture(way, interval: 3_600_000_000_000)
    let before = fixture.store.statistics.syncCount
    for number in 0..<200 { try queue.append(CursorFixture.payload(number), level: .written) }
    #expect(queue.durableSequence == 0)
    #expect(fixture.store.statistics.syncCount == before)
    // Awaited, all of them are durable at once; then the next ones wait again.
    try queue.wait(for: 199)
    let after = fixture.store.statistics.syncCount
    #expect(after > before)
    for number in 200..<400 { try queue.append(CursorFixture.payload(number), level: .written) }
    #expect(queue.durableSequence == 200)
    #expect(fixture.store.statistics.syncCount == after)
    try fixture.reopen()
    #expect(try fixture.store.queue(named: "later").readAll().count == 400)
  }

  @Test(arguments: IOWay.all)
  func onceTheTimeIsUpOneSyncCoversWhatWasWritten(way: IOWay) throws {
    let interval: UInt64 = 20_000_000
    let (fixture, queue) = try fixture(way, interval: interval)
    let before = fixture.store.statistics.syncCount
    let start = spate_now_monotonic_ns()
    var count: UInt64 = 0
    // One at a time, so that each could be a sync of its own.
    while spate_now_monotonic_ns() - start < 10 * interval {
      try queue.append(CursorFixture.payload(Int(count)), level: .written)
      count += 1
    }
    let syncs = fixture.store.statistics.syncCount - before
    let intervals = (spate_now_monotonic_ns() - start) / interval
    #expect(syncs >= 1 && syncs <= intervals + 1)
    try #require(count > 4 * intervals, "too slow to tell")
    // The last ones are durable without anybody's doing.
    while queue.durableSequence < count { usleep(1_000) }
  }
}
