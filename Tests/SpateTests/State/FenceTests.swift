import CSpate
import Glibc
import Synchronization
import Testing

@testable import Spate

/// Fencing epochs: whoever was replaced appends no more.
@Suite struct FenceTests {
  @Test func everyWayToAppendRefusesAnOlderEpoch() throws {
    let fixture = try StoreFixture()
    let old = fixture.queue
    try old.append(CursorFixture.payload(0))
    let new = try old.fenced(at: 3)
    let payload = CursorFixture.payload(1)
    var batch = RecordBatch()
    for _ in 0..<3 { try batch.append(payload) }
    var transaction = Transaction()
    try transaction.append(payload)
    let large = [UInt8](repeating: 1, count: 2 << 20)
    let failures = [
      failure { try unsafe old.append(payload.span.bytes, level: .published) },
      failure { try unsafe old.append(payload.span.bytes, until: .past) },
      failure { try unsafe old.append(payload.span.bytes, key: payload.span.bytes) },
      failure { try unsafe old.append(large.span.bytes) },
      failure { try unsafe old.tryAppend(payload.span.bytes) },
      failure { try unsafe old.tryAppend(payload.span.bytes, key: payload.span.bytes, policy: .drop) },
      failure { try old.append(batch) },
      failure { try old.tryAppend(batch) },
      failure { try unsafe old.append(payload.span.bytes, at: 1) },
      failure { try unsafe old.append(payload.span.bytes, at: 0) },
      failure { try old.tryClaim(byteCount: 10) },
      failure { try old.claim(byteCount: 10) },
      failure { try old.commit(transaction) },
      failure { try old.setMetadata([1], named: "owner") },
      failure { try old.truncate(from: 0) },
    ]
    for error in failures {
      #expect(error?.code == .fenced)
      #expect(error?.sequence == nil)
    }
    // Who is refused uses no sequence up, and leaves nothing.
    #expect(try new.appendBlocking(payload) == 1)
    #expect(new.metadata.isEmpty)
    #expect(try old.readAll().map(\.payload) == [CursorFixture.payload(0), payload])
    #expect(old.statistics.droppedCount == 0)
  }

  @Test func asynchronousAppendsRefuseAnOlderEpoch() async throws {
    let fixture = try StoreFixture()
    let old = fixture.queue
    try fence(old, at: 1)
    var codes: [SpateError.Code?] = []
    do { try await old.append([1, 2, 3]) } catch { codes.append(error.code) }
    var batch = RecordBatch()
    try batch.append([1])
    do { try await old.append(batch) } catch { codes.append(error.code) }
    var transaction = Transaction()
    try transaction.append([1])
    do { try await old.commit(transaction) } catch { codes.append(error.code) }
    #expect(codes == [.fenced, .fenced, .fenced])
    #expect(old.durableSequence == 0)
  }

  @Test func anEpochNeverFalls() throws {
    let fixture = try StoreFixture()
    let first = fixture.queue
    #expect(first.fencingEpoch == 0)
    #expect(first.fence == 0)
    #expect(try first.fenced(at: 0).fence == 0)
    let second = try first.fenced(at: 5)
    #expect(second.fence == 5)
    #expect(failure { try first.fenced(at: 4) }?.code == .fenced)
    #expect(failure { try second.fenced(at: 4) }?.code == .fenced)
    #expect(try first.fenced(at: 5).appendBlocking([1]) == 0)
    #expect(try fixture.store.queue(named: "events").fence == 5)
    // An election is won by whoever comes with the higher number, whichever handle it comes with.
    let third = try first.fenced(at: .max)
    #expect(failure { try second.appendBlocking([2]) }?.code == .fenced)
    #expect(try third.appendBlocking([3]) == 1)
    #expect(first.fencingEpoch == .max)
    #expect(first.fence == 0)
  }

  @Test func ofSeveralEpochsTheHighestHoldsInWhateverOrderTheyAreMet() {
    var content = QueueContent()
    for epoch in [3, 7, 5] as [UInt64] { content.apply(.fence(epoch)) }
    #expect(content.fencingEpoch == 7)
  }

  @Test func anEpochOutlivesKillAndClose() throws {
    let fixture = try StoreFixture()
    try fixture.queue.append([0])
    try fence(fixture.queue, at: 7)
    let copy = try StoreCopy(of: fixture.scratch.path)
    try fixture.reopen()
    for queue in [try copy.open(fixture.options).queue(named: "events"), fixture.queue] {
      #expect(queue.fencingEpoch == 7)
      #expect(queue.fence == 7)
      #expect(failure { try queue.fenced(at: 6) }?.code == .fenced)
      #expect(try queue.appendBlocking([1]) == 1)
    }
  }

  @Test func anEpochOutlivesTheTrimOfItsFrame() throws {
    let fixture = try CursorFixture()
    try fence(fixture.queue, at: 9)
    let queue = try fixture.store.queue(named: "events")
    for number in 0..<2000 { try queue.append(CursorFixture.payload(number), level: .published) }
    try queue.wait(for: 1999)
    // Asking again for what is durable writes nothing.
    let position = queue.statistics.durablePosition
    try fence(queue, at: 9)
    #expect(queue.ring.claimedEnd.position == position)
    try queue.trim(before: 1900)
    #expect(queue.core.firstSequence > 0)
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try copy.open(fixture.options).queue(named: "events").fencingEpoch == 9)
    // The headers of the segments that are left tell of it, too.
    let bare = try StoreCopy(of: fixture.scratch.path)
    bare.remove("queues/events/" + Format.checkpointName)
    // Without a checkpoint what was trimmed would be a part of the log again.
    bare.remove("queues/events/" + Format.segmentName(0))
    #expect(try bare.open(fixture.options).queue(named: "events").fencingEpoch == 9)
    try fixture.reopen()
    #expect(fixture.queue.fencingEpoch == 9)
  }

  @Test func anEpochOutlivesTheTruncationOfItsFrame() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<10)
    let queue = try fence(fixture.queue, at: 2)
    try queue.append(CursorFixture.payload(10))
    try queue.truncate(from: 5)
    #expect(failure { try fixture.queue.appendBlocking([1]) }?.code == .fenced)
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(try copy.open(fixture.options).queue(named: "events").fencingEpoch == 2)
    #expect(try queue.appendBlocking(CursorFixture.payload(5)) == 5)
    try fixture.reopen()
    #expect(fixture.queue.fencingEpoch == 2)
    #expect(try fixture.queue.readAll().count == 6)
  }

  @Test func anEpochThatIsNotDurableHoldsMeanwhileAndIsAskedForAgain() throws {
    let fixture = try StoreFixture()
    let old = fixture.queue
    try old.append([0])
    fixture.disk.stall()
    #expect(failure { try old.fenced(at: 4, until: .now + .milliseconds(30)) }?.code == .timedOut)
    #expect(failure { try old.appendBlocking([1]) }?.code == .fenced)
    let copy = try StoreCopy(of: fixture.scratch.path)
    #expect(failure { try old.fenced(at: 4, until: .now + .milliseconds(30)) }?.code == .timedOut)
    fixture.disk.resume()
    let new = try old.fenced(at: 4)
    #expect(try new.appendBlocking([1]) == 1)
    #expect(try copy.open(fixture.options).queue(named: "events").fencingEpoch == 0)
    try fixture.reopen()
    #expect(fixture.queue.fencingEpoch == 4)
  }

  @Test func whoWaitsForRoomHearsOfANewerEpoch() throws {
    let fixture = try StoreFixture {
      $0.memoryBudgetByteCount = 4 << 20
      $0.minimalSegmentByteCount = 16 << 20
      $0.maximalSegmentByteCount = 16 << 20
    }
    let old = fixture.queue
    try old.append([0])
    fixture.disk.stall()
    var count = 1
    // A deadline: memory on its way to or from the system is back in a moment.
    while failure(of: { try old.append(filling: 100_000, until: .now + .milliseconds(20)) }) == nil {
      count += 1
    }
    let codes = Mutex<[SpateError.Code?]>([])
    let waiting = try EngineThread(name: "waits") {
      let error = failure { try old.append(filling: 100_000, until: .now + .seconds(60)) }
      codes.withLock { $0.append(error?.code) }
    }
    _ = failure { try old.fenced(at: 1, until: .now + .milliseconds(50)) }
    // It is not told before it waits: then it does not begin to.
    waiting.join()
    #expect(codes.withLock { $0 } == [.fenced])
    fixture.disk.resume()
    #expect(try old.fenced(at: 1).appendBlocking([1]) == UInt64(count))
  }

  @Test func aClaimThatWasThereBeforeIsPublishedBeforeTheEpochHolds() throws {
    let fixture = try StoreFixture { $0.claimDeadlineNanoseconds = 60_000_000_000 }
    let old = fixture.queue
    let claim = try old.claim(byteCount: 8)
    let isFenced = Flag()
    let fencing = try EngineThread(name: "fences") {
      _ = failure { try old.fenced(at: 1) }
      isFenced.raise()
    }
    while old.fencingEpoch == 0 {}
    #expect(failure { try old.appendBlocking([1]) }?.code == .fenced)
    let wasFenced = isFenced.isRaised
    #expect(!wasFenced)
    try claim.publish(level: .published)
    fencing.join()
    #expect(try old.readAll().map(\.sequence) == [0])
  }

  @Test(arguments: [1, 2, 5, 3000])
  func aClaimThatCameTooLateIsPassedOver(count: Int) throws {
    let fixture = try StoreFixture()
    let queue = fixture.queue
    try queue.append([0])
    var batch = RecordBatch()
    for _ in 0..<count { try batch.append(CursorFixture.payload(7, 100)) }
    let claimed = try queue.claimWaiting(byteCount: batch.byteCount, sequenceCount: count, until: -1)
    queue.abandon(claimed, sequenceCount: count)
    #expect(try queue.appendBlocking([1]) == UInt64(count + 1))
    let expected: [UInt64] = [0, UInt64(count + 1)]
    #expect(try queue.readAll().map(\.sequence) == expected)
    try fixture.reopen()
    #expect(fixture.queue.recoveryReport.findings.isEmpty)
    #expect(try fixture.queue.readAll().map(\.sequence) == expected)
  }

  /// The ring with its chunk closed, and nobody told where it ended: whoever claims meanwhile waits for that, behind
  /// its first look at the epoch and before its second one.
  private final class HeldRing: @unchecked Sendable {
    private let ring: Ring
    private let chunk: Chunk
    private let word: ClaimWord

    init(_ queue: Queue) throws {
      ring = queue.ring
      let newest = ring.state.withLock { $0.newest }
      chunk = try #require(newest)
      let delta = ClaimWord.delta(byteCount: ClaimWord.maximalCapacity + ClaimWord.unit, sequenceCount: 0)
      word = unsafe ClaimWord(
        bits: chunk.descriptor.pointee.claim.wrappingAdd(delta, ordering: .acquiring).oldValue
      )
      #expect(word.byteOffset <= word.capacity)
    }

    func letGo() { ring.close(chunk, at: word) }
  }

  @Test(arguments: 0..<5)
  func whoLookedBeforeTheEpochCameIsRefusedBehindIt(turn: Int) throws {
    let fixture = try StoreFixture()
    let old = fixture.queue
    try old.append([0])
    let held = try HeldRing(old)
    let codes = Mutex<[SpateError.Code?]>([])
    let threads = try (0..<3).map { _ in
      try EngineThread(name: "late") {
        let error = failure { try Self.append(turn, [9], to: old) }
        codes.withLock { $0.append(error?.code) }
      }
    }
    // They are on their way; one that is not is refused by its first look.
    usleep(100_000)
    old.ring.raiseFence(to: 1)
    held.letGo()
    for thread in threads { thread.join() }
    #expect(codes.withLock { $0 } == [.fenced, .fenced, .fenced])
    let new = try old.fenced(at: 1)
    let sequence = try new.appendBlocking([1])
    // One of them had a claim at least.
    #expect(sequence > 1)
    #expect(try new.readAll().map(\.sequence) == [0, sequence])
  }

  @Test func theEpochIsInForceBeforeItsFrameHasAPlace() throws {
    let fixture = try StoreFixture()
    let queue = fixture.queue
    try queue.append([0])
    let event = queue.ring.changed.current
    queue.ring.raiseFence(to: 1)
    // Who waits for room looks again.
    #expect(queue.ring.changed.current != event)
    let held = try HeldRing(queue)
    let fencing = try EngineThread(name: "fences") { _ = failure { try queue.fenced(at: 2) } }
    let limit = ContinuousClock.now + .seconds(10)
    while queue.fencingEpoch < 2, .now < limit { usleep(1000) }
    #expect(queue.fencingEpoch == 2)
    held.letGo()
    fencing.join()
  }

  @Test func aClaimBehindThatOfANewerEpochIsNeverFilled() throws {
    let fixture = try StoreFixture { $0.memoryBudgetByteCount = 32 << 20 }
    let queue = fixture.queue
    let rounds = 20_000
    let isOver = Flag()
    let appended = Mutex<[(epoch: UInt64, sequence: UInt64)]>([])
    // Where each epoch came into force.
    let places = Mutex<[UInt64]>([0])
    try onThreads(2) { thread in
      if thread == 0 {
        defer { isOver.raise() }
        for epoch in 1...UInt64(rounds) {
          queue.ring.raiseFence(to: epoch)
          while true {
            guard case .claimed(let claimed) = queue.ring.claim(byteCount: 40, sequenceCount: 1) else {
              continue
            }
            let sequence = claimed.sequence
            queue.abandon(claimed, sequenceCount: 1)
            places.withLock { $0.append(sequence) }
            break
          }
          for _ in 0..<(epoch % 64) { spate_cpu_pause() }
        }
        return
      }
      var mine: [(UInt64, UInt64)] = []
      let bytes: [UInt8] = [1]
      while !isOver.isRaised {
        let handle = Queue(core: queue.core)
        while let outcome = try? unsafe handle.tryAppend(bytes.span.bytes) {
          if case .appended(let sequence) = outcome { mine.append((handle.fence, sequence)) }
          if isOver.isRaised { break }
        }
      }
      let all = mine
      appended.withLock { $0 = all }
    }
    let (found, begins) = (appended.withLock { $0 }, places.withLock { $0 })
    #expect(found.count > 0)
    var wrong = 0
    for (epoch, sequence) in found where epoch < rounds && sequence > begins[Int(epoch) + 1] { wrong += 1 }
    #expect(wrong == 0)
  }

  // MARK: Races

  /// An append that races with an epoch: what it appended, by the first and the last sequence.
  private static func append(
    _ turn: Int,
    _ payload: [UInt8],
    to queue: Queue
  ) throws(SpateError) -> ClosedRange<UInt64>? {
    switch turn % 5 {
    case 0:
      let sequence = try queue.append(payload, level: .published)
      return sequence...sequence
    case 1:
      guard case .appended(let sequence) = try unsafe queue.tryAppend(payload.span.bytes, key: RawSpan())
      else {
        return nil
      }
      return sequence...sequence
    case 2:
      var batch = RecordBatch()
      for _ in 0..<3 { try batch.append(payload) }
      let range = try queue.append(batch, level: .published)
      return range.lowerBound...range.upperBound - 1
    case 3:
      var next = queue.durableSequence
      var outcome = try unsafe queue.append(payload.span.bytes, at: next, level: .published)
      if case .already(let end) = outcome {
        next = end
        outcome = try unsafe queue.append(payload.span.bytes, at: next, level: .published)
      }
      guard case .appended = outcome else { return nil }
      return next...next
    default:
      var claim = try queue.claim(byteCount: payload.count)
      let sequence = claim.sequence
      var bytes = claim.bytes
      for (index, byte) in payload.enumerated() {
        bytes.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
      }
      try claim.publish(level: .published)
      return sequence...sequence
    }
  }

  @Test func noRecordOfAnOlderEpochComesBehindANewerOne() throws {
    let fixture = try StoreFixture { $0.maximalChunkByteCount = 16 << 10 }
    let store = fixture.store
    let acknowledged = Mutex<[UInt64: UInt8]>([:])
    let wrong = Mutex<[String]>([])
    let isOver = Flag()
    let queue = fixture.queue
    try onThreads(4) { thread in
      if thread == 3 {
        defer { isOver.raise() }
        for epoch in 1...200 as ClosedRange<UInt64> {
          let new = try queue.fenced(at: epoch)
          if new.fencingEpoch != epoch { wrong.withLock { $0.append("epoch \(epoch) is not in force") } }
        }
        return
      }
      var turn = thread
      while !isOver.isRaised {
        let handle = try store.queue(named: "events")
        let epoch = UInt8(handle.fence)
        // Until it is refused, as a leader does that has not heard of the next one.
        while !isOver.isRaised {
          do throws(SpateError) {
            guard let range = try Self.append(turn, [epoch, UInt8(thread)], to: handle) else { continue }
            acknowledged.withLock { all in for sequence in range { all[sequence] = epoch } }
          } catch {
            if error.code == .fenced { break }
            throw error
          }
          turn += 1
        }
      }
    }
    #expect(wrong.withLock { $0 } == [])
    try store.close()
    let all = acknowledged.withLock { $0 }
    var inForce: UInt8 = 0
    var seen = 0
    let inspector = try StoreInspector(path: fixture.scratch.path)
    for segment in try inspector.queue(named: "events").segments where segment.isUsed {
      var reader = try inspector.segment(segment.number, ofQueue: "events")
      while case .frame(let frame)? = reader.next() {
        switch frame.kind {
        case .fence: inForce = frame.payloadPrefix[0]
        case .record:
          seen += 1
          let epoch = frame.payloadPrefix[0]
          if epoch < inForce { Issue.record("a record of epoch \(epoch) stands behind epoch \(inForce)") }
          if frame.sequence.flatMap({ all[$0] }) != epoch { Issue.record("a refused record is there") }
        default: break
        }
      }
    }
    #expect(seen == all.count)
    #expect(inForce == 200)
  }

  // MARK: Helpers

  /// Fences from a test, whatever surrounds it.
  @discardableResult
  private func fence(_ queue: Queue, at epoch: UInt64) throws(SpateError) -> Queue {
    try queue.fenced(at: epoch)
  }
}

extension Queue {
  /// Appends so many zeros, as far as `published`.
  fileprivate func append(filling byteCount: Int, until deadline: ContinuousClock.Instant) throws(SpateError)
  {
    let bytes = [UInt8](repeating: 0, count: byteCount)
    try unsafe append(bytes.span.bytes, level: .published, until: deadline)
  }
}

/// Something that happened, told to other threads.
private final class Flag: Sendable {
  private let raised = Atomic(false)
  var isRaised: Bool { raised.load(ordering: .acquiring) }
  func raise() { raised.store(true, ordering: .releasing) }
}
