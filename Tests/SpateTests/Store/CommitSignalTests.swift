import Glibc
import Synchronization
import Testing

@testable import Spate

/// One event a commit for event loops.
@Suite struct CommitSignalTests {
  private func isReadable(_ descriptor: Int32, waitingMilliseconds: Int32 = 0) -> Bool {
    var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&polled, 1, waitingMilliseconds) == 1
  }

  @Test(arguments: IOWay.all)
  func aCommitMakesTheDescriptorReadableAndListsItsQueueOnce(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    let signal = try fixture.store.commitSignal()
    #expect(try fixture.store.commitSignal() === signal)
    #expect(!isReadable(signal.fileDescriptor))
    #expect(signal.take().isEmpty)
    let other = try fixture.store.queue(named: "other")
    for _ in 0..<50 { try fixture.queue.append(CursorFixture.payload(1)) }
    try other.append(CursorFixture.payload(2))
    try other.append(CursorFixture.payload(3))
    #expect(isReadable(signal.fileDescriptor, waitingMilliseconds: 10_000))
    let advances = signal.take()
    #expect(advances.map(\.queue.name) == ["events", "other"])
    #expect(advances.map(\.durableSequence) == [50, 2])
    #expect(advances.allSatisfy { $0.failure == nil })
    // The last commit's own event may come behind the take that saw it already.
    _ = isReadable(signal.fileDescriptor, waitingMilliseconds: 50)
    _ = signal.take()
    #expect(!isReadable(signal.fileDescriptor))
  }

  @Test func theDescriptorStaysReadableUntilEveryQueueIsTaken() throws {
    let fixture = try StoreFixture()
    let signal = try fixture.store.commitSignal()
    for number in 0..<5 {
      try fixture.store.queue(named: "q\(number)").append([1])
    }
    #expect(isReadable(signal.fileDescriptor, waitingMilliseconds: 10_000))
    var names: [String] = []
    while isReadable(signal.fileDescriptor, waitingMilliseconds: 50) {
      names += signal.take(atMost: 2).map(\.queue.name)
    }
    #expect(Set(names) == ["q0", "q1", "q2", "q3", "q4"])
    #expect(signal.take().isEmpty)
  }

  /// A loop that looks at a queue only when it is told to sees all that becomes durable.
  @Test(arguments: IOWay.all)
  func aLoopThatOnlyFollowsTheSignalMissesNothing(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    let signal = try fixture.store.commitSignal()
    let queues = try (0..<8).map { try fixture.store.queue(named: "q\($0)") }
    let each: UInt64 = 400
    let seen = Mutex<[String: UInt64]>([:])
    try onThreads(3) { thread in
      if thread > 0 {
        for number in 0..<Int(each) {
          for index in queues.indices where index % 2 == thread - 1 {
            try queues[index].appendBlocking(
              CursorFixture.payload(number),
              level: number % 20 == 0 ? .durable : .published
            )
          }
        }
        return
      }
      while seen.withLock({ $0.count < 8 || $0.values.contains { $0 < each } }) {
        guard isReadable(signal.fileDescriptor, waitingMilliseconds: 30_000) else {
          Issue.record("no event although records are missing")
          return
        }
        for advance in signal.take(atMost: 3) {
          seen.withLock { $0[advance.queue.name] = advance.durableSequence }
        }
      }
    }
    #expect(seen.withLock { $0.values.allSatisfy { $0 == each } })
  }

  @Test func aFailedOrDroppedQueueIsListedWithItsFailure() throws {
    let fixture = try StoreFixture()
    let signal = try fixture.store.commitSignal()
    let other = try fixture.store.queue(named: "other")
    try other.append([1])
    _ = isReadable(signal.fileDescriptor, waitingMilliseconds: 10_000)
    _ = signal.take()
    try fixture.store.drop(queueNamed: "other")
    #expect(isReadable(signal.fileDescriptor, waitingMilliseconds: 10_000))
    #expect(signal.take().first { $0.queue.name == "other" }?.failure?.code == .closed)
    fixture.queue.core.fail(SpateError(.syncFailed, "as if"))
    #expect(isReadable(signal.fileDescriptor, waitingMilliseconds: 10_000))
    #expect(signal.take().first?.failure?.code == .syncFailed)
  }

  @Test func aClosedStoreIsGivenUpAlthoughNobodyTookItsQueues() throws {
    let scratch = IOScratch()
    weak var engine: Engine?
    let signal: CommitSignal
    do {
      let store = try Store.open(at: scratch.path)
      signal = try store.commitSignal()
      engine = store.engine
      try store.queue(named: "events").appendBlocking([1])
      try store.close()
    }
    #expect(engine == nil)
    #expect(signal.take().isEmpty)
  }

  @Test func aTruncatedQueueIsListedWithItsNewEnd() throws {
    let fixture = try StoreFixture()
    for number in 0..<10 { try fixture.queue.append(CursorFixture.payload(number)) }
    let signal = try fixture.store.commitSignal()
    try fixture.queue.truncate(from: 4)
    #expect(isReadable(signal.fileDescriptor, waitingMilliseconds: 10_000))
    #expect(signal.take().map(\.durableSequence) == [4])
  }
}
