import Glibc
import Synchronization
import Testing

@testable import Spate

/// A queue that is dropped is gone as a whole, and hurts nobody.
@Suite struct DropTests {
  private func names(_ fixture: RetentionFixture) throws -> [String] {
    try SystemStorage(root: fixture.scratch.path, readOnly: true).contents(ofDirectory: "queues").sorted()
  }

  @Test func aDroppedQueueIsGoneAndItsNameIsFree() throws {
    let fixture = try RetentionFixture()
    let other = try fixture.store.queue(named: "other")
    try other.appendBlocking([1])
    try fixture.append(0..<50)
    let cursor = try fixture.queue.openCursor("billing")
    try fixture.store.drop(queueNamed: "events")
    #expect(try names(fixture) == ["other"])
    #expect(try fixture.store.queueNames == ["other"])
    #expect(failure { try fixture.queue.appendBlocking([1]) }?.code == .closed)
    #expect(failure { try fixture.queue.wait(for: 99) }?.code == .closed)
    #expect(failure { try cursor.acknowledge(through: 3) }?.code == .closed)
    #expect(failure { try fixture.queue.openCursor("new") }?.code == .closed)
    #expect(failure { try fixture.queue.trim(before: 40) }?.code == .closed)
    #expect(failure { try fixture.queue.readAll() }?.code == .closed)
    #expect(failure { try fixture.store.drop(queueNamed: "events") }?.code == .notFound)
    let again = try fixture.store.queue(named: "events")
    #expect(try again.appendBlocking([7]) == 0)
    #expect(try again.readAll().map(\.payload) == [[7]])
    #expect(again.namedCursors.isEmpty)
    try other.appendBlocking([2])
    try fixture.reopen()
    #expect(try fixture.queue.readAll().map(\.payload) == [[7]])
    #expect(try fixture.store.queue(named: "other").readAll().count == 2)
  }

  @Test func aQueueThatIsNotOpenIsDropped() throws {
    let fixture = try RetentionFixture()
    try fixture.append(0..<5)
    _ = try fixture.store.queue(named: "other")
    try fixture.store.close()
    let (store, _) = try RetentionFixture.open(fixture.scratch.path, fixture.options)
    try store.drop(queueNamed: "events")
    #expect(failure { try store.drop(queueNamed: "nobody") }?.code == .notFound)
    #expect(failure { try store.drop(queueNamed: "../x") }?.code == .invalidArgument)
    #expect(try names(fixture) == ["other"])
    try store.close()
    #expect(failure { try store.drop(queueNamed: "other") }?.code == .closed)
  }

  @Test func lentRecordsOutliveTheQueue() throws {
    let fixture = try RetentionFixture()
    try fixture.append(0..<50)
    var hot = try fixture.queue.cursor(from: .sequence(45))
    let near = try #require(try hot.nextBatch())
    try fixture.reopen()
    var cold = try fixture.queue.cursor()
    let far = try #require(try cold.nextBatch(maximalCount: 5))
    try fixture.store.drop(queueNamed: "events")
    let again = try fixture.store.queue(named: "events")
    for number in 0..<100 { try again.appendBlocking([UInt8](repeating: UInt8(number), count: 1000)) }
    #expect(sequences(of: near, byteCount: 1000) == Array(45..<50))
    #expect(sequences(of: far, byteCount: 1000) == Array(0..<5))
    near.release()
    far.release()
    // What it holds already is read to its end.
    var error: SpateError?
    while error == nil { error = failure { _ = try cold.next() == nil } }
    #expect(error?.code == .closed)
  }

  @Test func memoryOfADroppedQueueComesBack() throws {
    let fixture = try RetentionFixture { $0.maximalSegmentByteCount = 16 << 20 }
    let before = fixture.store.statistics.memoryByteCount
    // Also while somebody keeps the handles.
    var handles: [Queue] = []
    for round in 0..<20 {
      let queue = try fixture.store.queue(named: "q")
      handles.append(queue)
      for _ in 0..<100 { try queue.append([UInt8](repeating: 1, count: 10_000), level: .published) }
      var claim: Claim? = round % 2 == 0 ? nil : try queue.claim(byteCount: 100)
      if claim != nil { claim = nil }
      try fixture.store.drop(queueNamed: "q")
    }
    #expect(fixture.store.statistics.memoryByteCount <= before + 4096)
    #expect(handles.count == 20)
    try fixture.append(0..<10)
  }

  @Test func aClaimThatIsHeldIsGivenUpByADrop() throws {
    let fixture = try RetentionFixture { $0.claimDeadlineNanoseconds = 20_000_000 }
    var claim = try fixture.queue.claim(byteCount: 1000)
    try fixture.store.drop(queueNamed: "events")
    let again = try fixture.store.queue(named: "events")
    try again.appendBlocking([UInt8](repeating: 3, count: 1000))
    var bytes = claim.bytes
    for offset in 0..<1000 { bytes.storeBytes(of: 9, toByteOffset: offset, as: UInt8.self) }
    do {
      try claim.publish(level: .published)
      Issue.record("the claim was not given up")
    } catch {
      #expect(error.code == .expired)
    }
    #expect(try again.readAll().map(\.payload) == [[UInt8](repeating: 3, count: 1000)])
  }

  @Test func producersAndReadersOfADroppedQueueEnd() throws {
    let fixture = try RetentionFixture()
    let store = fixture.store
    for _ in 0..<10 {
      let queue = try store.queue(named: "q")
      let begun = Atomic<Int>(0)
      try onThreads(6) { thread in
        if thread == 5 {
          while begun.load(ordering: .relaxed) < 5 {}
          usleep(3000)
          return try store.drop(queueNamed: "q")
        }
        do {
          if thread == 0 {
            var cursor = try queue.openCursor("c")
            begun.wrappingAdd(1, ordering: .relaxed)
            while true {
              if let batch = try cursor.nextBatch(until: nil) { try batch.acknowledge() }
            }
          }
          begun.wrappingAdd(1, ordering: .relaxed)
          while true {
            try queue.append(
              [UInt8](repeating: 1, count: 500),
              level: thread % 2 == 0 ? .durable : .published
            )
          }
        } catch {
          let code = (error as? SpateError)?.code
          #expect(code == .closed || code == .queueFailed, "\(error)")
        }
      }
    }
    #expect(try names(fixture) == ["events"])
  }

  @Test func aDropWaitsForNoFullDisk() throws {
    let fixture = try RetentionFixture()
    fixture.disk.fail([.write], with: ENOSPC, pathsHolding: "queues/events/")
    try fixture.queue.append([1], level: .published)
    fixture.disk.waitForRefusals(1)
    try fixture.store.drop(queueNamed: "events")
    #expect(try names(fixture) == [])
    fixture.disk.heal()
    #expect(try fixture.store.queue(named: "events").appendBlocking([1]) == 0)
  }

  @Test func aFailedQueueIsDropped() throws {
    let fixture = try RetentionFixture()
    fixture.disk.fail([.sync], with: EIO, pathsHolding: "queues/events/")
    #expect(failure { try fixture.queue.appendBlocking([1]) } != nil)
    try fixture.store.drop(queueNamed: "events")
    fixture.disk.heal()
    #expect(try fixture.store.queue(named: "events").appendBlocking([1]) == 0)
  }

  @Test func aKillAtEveryStepOfADropLeavesTheQueueOrNothing() throws {
    let fixture = try RetentionFixture()
    try fixture.append(0..<40)
    try fixture.queue.openCursor("billing").acknowledge(through: 9, waitingFor: .durable)
    let copies = fixture.copyAtEachStep()
    try fixture.store.drop(queueNamed: "events")
    fixture.disk.onEachStep(nil)
    let taken = copies.taken
    #expect(taken.count >= 6)
    var wasThere = true
    for (step, copy) in taken {
      let store = try copy.open(fixture.options)
      let isThere = try store.queueNames == ["events"]
      // Once gone it does not come back.
      #expect(wasThere || !isThere, "\(step)")
      wasThere = isThere
      let queue = try store.queue(named: "events")
      if isThere { #expect(try queue.delivered(to: "billing") == Array(10..<40), "\(step)") }
      if !isThere { #expect(try queue.readAll().isEmpty, "\(step)") }
      #expect(queue.recoveryReport.isClean || isThere)
      try queue.appendBlocking([1])
      let storage = try SystemStorage(root: copy.scratch.path, readOnly: true)
      #expect(RetentionFixture.comes { (try? storage.contents(ofDirectory: "queues")) == ["events"] })
    }
    #expect(!wasThere)
  }

  @Test func aDropThatFailsLeavesTheQueueToBeOpenedAgain() throws {
    let fixture = try RetentionFixture()
    try fixture.append(0..<10)
    fixture.disk.onEachStep { step in
      if case .rename = step { return EIO }
      return 0
    }
    #expect(failure { try fixture.store.drop(queueNamed: "events") }?.code == .ioFailed)
    fixture.disk.onEachStep(nil)
    #expect(failure { try fixture.queue.appendBlocking([1]) }?.code == .closed)
    #expect(try fixture.store.queue(named: "events").readAll().count == 10)
  }
}
