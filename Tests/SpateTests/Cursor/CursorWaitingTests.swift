import Glibc
import Testing

@testable import Spate

@Suite struct CursorWaitingTests {
  /// Runs `body` on a thread of its own, and waits for it.
  private func meanwhile(_ body: @escaping @Sendable () -> Void, _ wait: () throws -> Void) throws {
    let thread = try EngineThread(name: "test", body: body)
    defer { thread.join() }
    try wait()
  }

  @Test(arguments: DurabilityLevel.allCases) func waitingEndsAtTheDeadline(level: DurabilityLevel) throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<1)
    var cursor = try fixture.queue.cursor(following: level)
    #expect(try cursor.next(until: .now + .seconds(60))?.sequence == 0)
    #expect(try cursor.next(until: .now + .milliseconds(20))?.sequence == nil)
    #expect(try cursor.next(until: .now - .seconds(1))?.sequence == nil)
    #expect(try cursor.nextBatch(until: .now + .milliseconds(20)) == nil)
  }

  @Test(arguments: DurabilityLevel.allCases) func aWaitingCursorIsWokenByEachRecord(level: DurabilityLevel)
    throws
  {
    let fixture = try CursorFixture()
    let queue = fixture.queue
    var cursor = try queue.cursor(following: level)
    try meanwhile {
      for number in 0..<500 {
        _ = try? queue.append(CursorFixture.payload(number), level: .published)
        if number % 10 == 0 { usleep(300) }
      }
    } _: {
      for number in 0..<500 {
        guard let record = try cursor.next(until: .now + .seconds(60)) else { throw CursorFixture.Missing() }
        #expect(record.sequence == UInt64(number))
        #expect(CursorFixture.bytes(record.payload) == CursorFixture.payload(number))
      }
    }
  }

  @Test(arguments: DurabilityLevel.allCases) func closingTheStoreEndsWaits(level: DurabilityLevel) throws {
    let fixture = try CursorFixture()
    let store = fixture.store
    try fixture.append(0..<5)
    var cursor = try fixture.queue.cursor(following: level)
    var read = 0
    var code: SpateError.Code?
    try meanwhile {
      usleep(20_000)
      try? store.close()
    } _: {
      do throws(SpateError) {
        while try cursor.next(until: nil) != nil { read += 1 }
      } catch {
        code = error.code
      }
    }
    #expect(read == 5)
    #expect(code == .closed)
  }

  @Test func aFailedQueueStillGivesWhatIsDurableAndThenTheFailure() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<2000)
    var cursor = try fixture.queue.cursor()
    fixture.queue.core.fail(SpateError(.syncFailed, "played by the test"))
    #expect(try CursorFixture.drain(&cursor) == Array(0..<2000))
    var code: SpateError.Code?
    do { _ = try cursor.next(until: nil) } catch { code = error.code }
    #expect(code == .syncFailed)
  }
}

extension CursorWaitingTests {
  @Test(arguments: DurabilityLevel.allCases) func aTruncationWakesAWaitingCursor(level: DurabilityLevel)
    throws
  {
    let fixture = try CursorFixture()
    try fixture.append(0..<1000)
    let queue = fixture.queue
    var cursor = try queue.cursor(from: .latest, following: level)
    var code: SpateError.Code?
    let thread = try EngineThread(name: "test") {
      usleep(20_000)
      _ = try? queue.truncate(from: 600)
      _ = try? queue.append(CursorFixture.payload(600))
    }
    defer { thread.join() }
    do throws(SpateError) {
      _ = try cursor.next(until: .now + .seconds(60))
    } catch {
      code = error.code
      #expect(error.sequence == 600)
    }
    #expect(code == .outOfRange)
    let record = try cursor.next(until: .now + .seconds(60))
    #expect(record?.sequence == 600)
  }

  @Test func aCursorThatMissedSeveralTruncationsFollowsTheLowest() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<100)
    var cursor = try fixture.queue.cursor(from: .earliest)
    for number in 0..<50 { #expect(try cursor.next()?.sequence == UInt64(number)) }
    try fixture.queue.truncate(from: 20)
    try fixture.append(20..<100)
    try fixture.queue.truncate(from: 80)
    try fixture.append(80..<90)
    #expect(failure { _ = try cursor.next()?.sequence }?.sequence == 20)
    #expect(try CursorFixture.drain(&cursor) == Array(20..<90))
  }

  @Test(arguments: DurabilityLevel.allCases, [false, true])
  func recordsThatWereCutOffAreNotDelivered(level: DurabilityLevel, isCold: Bool) throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<1000)
    if isCold { try fixture.reopen() }
    var cursor = try fixture.queue.cursor(from: .earliest, following: level)
    for number in 0..<10 { #expect(try cursor.next()?.sequence == UInt64(number)) }
    // Its bytes are held by the cursor, and whole.
    try fixture.queue.truncate(from: 20)
    for number in 10..<20 { #expect(try cursor.next()?.sequence == UInt64(number)) }
    let isAtEnd = try cursor.next() == nil
    #expect(isAtEnd)
    try fixture.queue.append([7])
    guard let record = try cursor.next() else { throw CursorFixture.Missing() }
    #expect(record.sequence == 20)
    #expect(CursorFixture.bytes(record.payload) == [7])
  }
}
