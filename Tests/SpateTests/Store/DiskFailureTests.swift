import Glibc
import Testing

@testable import Spate

/// Failing writes and syncs: nobody is told a lie, and only the queue concerned stops.
@Suite struct DiskFailureTests {
  /// One small append that travels on its own, and a burst that takes the way of large writes.
  enum Load: Sendable, CaseIterable {
    case small, large
    var byteCount: Int { self == .small ? 100 : 300_000 }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var way: IOWay
    var load: Load
    var operation: FaultyStorage.Operation
    var testDescription: String { "\(way.testDescription), \(load), \(operation)" }

    static let all: [Case] = IOWay.all.flatMap { way in
      Load.allCases.flatMap { load in
        [FaultyStorage.Operation.write, .sync].map { Case(way: way, load: load, operation: $0) }
      }
    }
  }

  @Test(arguments: Case.all)
  func aFailedWriteOrSyncIsFinalForItsQueue(_ test: Case) throws {
    let fixture = try StoreFixture(test.way)
    let queue = fixture.queue
    let other = try fixture.store.queue(named: "other")
    for number in 0..<20 { try queue.append(CursorFixture.payload(number), level: .durable) }
    try other.append([1])
    // Held until the record has its sequence: a large one closes the chunk before, which is written, too.
    fixture.disk.stall()
    let lost = CursorFixture.payload(20, test.load.byteCount)
    try queue.append(lost, level: .published)
    fixture.disk.fail([test.operation], with: EIO, pathsHolding: "queues/events/")
    fixture.disk.resume()
    let error = try #require(failure { try queue.wait(for: 20) })
    #expect(error.code == (test.operation == .sync ? .syncFailed : .ioFailed))
    #expect(error.systemErrorNumber == EIO)
    #expect(error.sequence == 20)
    // A later success would prove nothing.
    fixture.disk.heal()
    let refused = try #require(failure { try queue.append([1]) })
    #expect(refused.code == .queueFailed)
    #expect(refused.sequence == nil)
    #expect(failure { try unsafe queue.tryAppend(lost.span.bytes) }?.code == .queueFailed)
    #expect(failure { try unsafe queue.append(lost.span.bytes, at: 21) }?.code == .queueFailed)
    #expect(failure { try queue.tryClaim(byteCount: 1) }?.code == .queueFailed)
    #expect(failure { try queue.wait(for: 20) }?.code == error.code)
    #expect(failure { try queue.wait(for: 20) }?.sequence == 20)
    try queue.wait(for: 19)
    #expect(queue.durableSequence == 20)
    // What was durable is still read, and others go on.
    #expect(try queue.readAll().map(\.payload) == (0..<20).map { CursorFixture.payload($0) })
    for number in 0..<20 { try other.append(CursorFixture.payload(number, 2000)) }
    #expect(other.durableSequence == 21)
    // Closing says what kept the rest from becoming durable; reopening recovers.
    #expect(failure { try fixture.store.close() }?.code == error.code)
    try fixture.reopen()
    let records = try fixture.queue.readAll()
    #expect(records.prefix(20).map(\.payload) == (0..<20).map { CursorFixture.payload($0) })
    #expect(records.count == 20 || records.dropFirst(20).map(\.payload) == [lost])
    let next = try fixture.queue.append([9])
    #expect(next == UInt64(records.count))
    #expect(try fixture.store.queue(named: "other").readAll().count == 21)
    try fixture.reopen()
    #expect(try fixture.queue.readAll().map(\.sequence) == Array(0...next))
  }

  @Test(arguments: IOWay.all)
  func allWhoWaitAreToldWithTheirOwnSequence(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    let queue = fixture.queue
    let disk = fixture.disk
    try queue.append([0])
    disk.stall()
    disk.fail([.sync], with: EIO)
    try onThreads(7) { thread in
      guard thread < 6 else {
        while queue.core.ring.claimedEnd.sequence < 7 {}
        disk.resume()
        return
      }
      let error = try #require(failure { try queue.append([UInt8](repeating: UInt8(thread), count: 40_000)) })
      #expect(error.code == .syncFailed || error.code == .queueFailed)
      // Without a sequence it never entered; with one it is in doubt.
      #expect((error.sequence == nil) == (error.code == .queueFailed))
    }
    #expect(queue.durableSequence == 1)
    let task = failure { try queue.wait(for: 3, level: .durable) }
    #expect(task?.sequence == 3)
  }

  @Test(arguments: IOWay.all)
  func aFailedSyncFailsEveryQueueWithUncreditedWritesAndNoOther(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    let second = try fixture.store.queue(named: "second")
    let idle = try fixture.store.queue(named: "idle")
    try fixture.queue.append([0])
    try second.append([0])
    try idle.append([0])
    fixture.disk.stall()
    fixture.disk.fail([.sync], with: EIO, pathsHolding: "queues/events/")
    // Both are written in one round: the committer is held at the first while the second comes.
    try idle.append([1], level: .published)
    fixture.disk.waitUntilHeld()
    let large = [UInt8](repeating: 1, count: 300_000)
    try fixture.queue.append(large, level: .published)
    try second.append(large, level: .published)
    fixture.disk.resume()
    let first = failure { try fixture.queue.wait(for: 1) }
    #expect(first?.code == .syncFailed)
    // The other one either was credited before, or fails, too; it is never credited after.
    let other = failure { try second.wait(for: 1) }
    #expect(other == nil || other?.code == .syncFailed)
    fixture.disk.heal()
    try idle.wait(for: 1)
    try idle.append([2])
    if other != nil { #expect(failure { try second.append([2]) }?.code == .queueFailed) }
    try fixture.reopen()
    #expect(try fixture.store.queue(named: "idle").readAll().map(\.payload) == [[0], [1], [2]])
    #expect(try fixture.queue.readAll().first?.payload == [0])
  }

  @Test(arguments: IOWay.all, Load.allCases)
  func aFullDiskRefusesAppendsAndThingsGoOnByThemselves(way: IOWay, load: Load) throws {
    let fixture = try StoreFixture(way)
    let queue = fixture.queue
    for number in 0..<5 { try queue.append(CursorFixture.payload(number)) }
    fixture.disk.stall()
    let waiting = try queue.append(CursorFixture.payload(5, load.byteCount), level: .published)
    fixture.disk.fail([.write], with: ENOSPC)
    fixture.disk.resume()
    fixture.disk.waitForRefusals(2)
    // Neither lost nor failed, nor acknowledged: it waits for room.
    #expect(failure { try queue.wait(for: waiting, until: .past) }?.code == .timedOut)
    #expect(queue.durableSequence == 5)
    let bytes: [UInt8] = [1]
    // A segment file that gets ready in between lifts the refusal until the next write meets the full disk.
    var extra = 0
    while true {
      let outcome = try unsafe queue.tryAppend(bytes.span.bytes)
      if outcome == .full { break }
      if case .appended = outcome { extra += 1 }
      fixture.disk.waitForRefusals(fixture.disk.refusedCount + 1)
    }
    #expect(try unsafe queue.tryAppend(bytes.span.bytes, policy: .drop) == .dropped)
    let late = failure { try unsafe queue.append(bytes.span.bytes, until: .past) }
    #expect(late?.code == .diskFull)
    #expect(late?.sequence == nil)
    #expect(try queue.readAll().count == 5)
    fixture.disk.heal()
    try queue.wait(for: waiting)
    #expect(try queue.append(CursorFixture.payload(6)) == UInt64(6 + extra))
    var expected = (0..<5).map { CursorFixture.payload($0) }
    expected.append(CursorFixture.payload(5, load.byteCount))
    expected += [[UInt8]](repeating: bytes, count: extra)
    expected.append(CursorFixture.payload(6))
    #expect(try queue.readAll().map(\.payload) == expected)
    try fixture.reopen()
    #expect(try fixture.queue.readAll().map(\.payload) == expected)
  }
}
