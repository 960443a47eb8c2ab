import Synchronization
import Testing

@testable import Spate

@Suite struct ExpectedAppendTests {
  @Test(arguments: IOWay.all)
  func aRecordIsAppendedOnlyAtItsSequence(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    let queue = fixture.queue
    func append(_ value: UInt8, at sequence: UInt64) throws -> ExpectedAppendOutcome {
      let bytes = [UInt8](repeating: value, count: 500)
      return try unsafe queue.append(bytes.span.bytes, at: sequence)
    }
    #expect(try append(1, at: 1) == .gap(next: 0))
    #expect(try append(0, at: 0) == .appended)
    #expect(try append(0, at: 0) == .already(next: 1))
    #expect(try append(9, at: 2) == .gap(next: 1))
    for number in 1..<250 { #expect(try append(UInt8(number), at: UInt64(number)) == .appended) }
    #expect(try append(9, at: 100) == .already(next: 250))
    #expect(try append(9, at: UInt64.max) == .gap(next: 250))
    #expect(try queue.readAll().map(\.payload.first) == (0..<250).map { UInt8($0) })
    try fixture.reopen()
    let again = fixture.queue
    let bytes: [UInt8] = [1]
    #expect(try unsafe again.append(bytes.span.bytes, at: 249) == .already(next: 250))
    #expect(try unsafe again.append(bytes.span.bytes, at: 251) == .gap(next: 250))
    #expect(try unsafe again.append(bytes.span.bytes, at: 250) == .appended)
  }

  @Test func largeRecordsAndEmptyOnesAreAppendedAtTheirSequence() throws {
    let fixture = try StoreFixture()
    let sizes = [0, 2 << 20, 0, 200_000, 5, 0]
    for (number, size) in sizes.enumerated() {
      let payload = CursorFixture.payload(number, size)
      let outcome = try unsafe fixture.queue.append(payload.span.bytes, at: UInt64(number))
      #expect(outcome == .appended)
    }
    #expect(try fixture.queue.readAll().map(\.payload.count) == sizes)
  }

  @Test func ofProducersThatRaceForASequenceOneWins() throws {
    let fixture = try StoreFixture {
      $0.maximalSegmentByteCount = 64 << 10
      $0.maximalChunkByteCount = 4096
    }
    let queue = fixture.queue
    let winners = Mutex<[UInt64: [Int]]>([:])
    try onThreads(4) { thread in
      let bytes = [UInt8](repeating: UInt8(thread), count: 90)
      for sequence in 0..<UInt64(1500) {
        var isOver = false
        while !isOver {
          switch try unsafe queue.append(bytes.span.bytes, at: sequence, level: .published) {
          case .appended:
            winners.withLock { $0[sequence, default: []].append(thread) }
            isOver = true
          case .already: isOver = true
          case .gap(let next):
            Issue.record("a gap before \(sequence), at \(next)")
            isOver = true
          // The next segment file is not ready yet.
          case .backPressured: break
          case .full: isOver = true
          }
        }
      }
    }
    try queue.wait(for: 1499)
    let won = winners.withLock { $0 }
    #expect(won.count == 1500)
    #expect(won.values.allSatisfy { $0.count == 1 })
    let records = try queue.readAll()
    #expect(records.map(\.sequence) == Array(0..<1500))
    for record in records { #expect(record.payload.first.map { [Int($0)] } == won[record.sequence]) }
  }

  @Test func appendsBesideOthersNeverOverwriteNorSkip() throws {
    let fixture = try StoreFixture { $0.maximalSegmentByteCount = 64 << 10 }
    let queue = fixture.queue
    let expected = Mutex<[UInt64: UInt8]>([:])
    try onThreads(4) { thread in
      let bytes = [UInt8](repeating: UInt8(thread), count: 40)
      var next: UInt64 = 0
      for round in 0..<400 {
        if thread < 2 {
          next = try queue.append(bytes, level: round % 100 == 0 ? .durable : .published)
          expected.withLock { $0[next] = UInt8(thread) }
        } else {
          switch try unsafe queue.append(bytes.span.bytes, at: next, level: .published) {
          case .appended:
            expected.withLock { $0[next] = UInt8(thread) }
            next += 1
          case .already(let found), .gap(let found): next = found
          default: break
          }
        }
      }
    }
    try fixture.store.close()
    try fixture.reopen()
    let records = try fixture.queue.readAll()
    let all = expected.withLock { $0 }
    #expect(records.map(\.sequence) == Array(0..<UInt64(all.count)))
    for record in records { #expect(all[record.sequence] == record.payload.first) }
  }
}
