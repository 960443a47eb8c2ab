import CSpate
import Glibc
import Synchronization
import Testing

@testable import Spate

/// Threads that wait, and commit meanwhile.
@Suite struct AssistTests {
  @Test func theTurnIsOnesAtATime() {
    let turn = CommitTurn()
    #expect(turn.take(for: .assistant) == .committer)
    turn.leave()
    #expect(turn.take(for: .assistant) == .nobody)
    #expect(turn.take(for: .assistant) == .assistant)
    #expect(turn.take(for: .committer) == .assistant)
    turn.leave()
    #expect(turn.take(for: .committer) == .nobody)
  }

  /// Syncs are left to others.
  private static var later: QueueOptions {
    var options = QueueOptions()
    options.syncIntervalNanoseconds = 3_600_000_000_000
    return options
  }

  /// Lets a signal through to the calling thread, as the host's threads do. Returns the mask before.
  private static func unblock(_ signal: Int32) -> sigset_t {
    var one = sigset_t()
    var before = sigset_t()
    unsafe sigemptyset(&one)
    unsafe sigaddset(&one, signal)
    unsafe pthread_sigmask(SIG_UNBLOCK, &one, &before)
    return before
  }

  private static func setMask(_ mask: sigset_t) {
    var mask = mask
    unsafe pthread_sigmask(SIG_SETMASK, &mask, nil)
  }

  @Test(arguments: IOWay.all.filter { $0.mode == .buffered })
  func aThreadThatWaitsAloneWritesIntoThePageCacheAndSyncsNothing(way: IOWay) throws {
    let witness = Witness(byThread: pthread_self())
    let scratch = IOScratch()
    let store = try witness.open(scratch, way)
    let queue = try store.queue(named: "events", options: Self.later)
    let syncs = store.statistics.syncCount
    let mask = Self.unblock(SIGUSR1)
    defer { Self.setMask(mask) }
    var count = 0
    // Over several segments, of which a round writes one each; fewer than are ever left without a sync.
    while witness.writeCount < 1000 || count < 5000, count < 12_000 {
      try queue.append(CursorFixture.payload(count, 100), level: .written)
      count += 1
    }
    #expect(witness.writeCount >= 1000)
    // While it did, nothing of the host's ran on the thread; afterwards everything may again.
    #expect(witness.disturbances == [])
    var after = sigset_t()
    unsafe pthread_sigmask(SIG_SETMASK, nil, &after)
    #expect(unsafe sigismember(&after, SIGUSR1) == 0)
    var state: Int32 = 0
    unsafe pthread_setcancelstate(Int32(PTHREAD_CANCEL_ENABLE), &state)
    #expect(state == PTHREAD_CANCEL_ENABLE)
    #expect(queue.core.watermarks.writtenSequence == UInt64(count))
    #expect(store.statistics.syncCount == syncs)
    #expect(queue.durableSequence == 0)
    try queue.wait(for: UInt64(count - 1))
    #expect(try queue.readAll().count == count)
    try store.close()
  }

  /// More threads than processors, each of which appends and waits: whoever has the turn writes for all.
  @Test(.timeLimit(.minutes(15)), arguments: IOWay.all.filter { $0.mode == .buffered })
  func threadsThatWaitWriteForEachOther(way: IOWay) throws {
    let scratch = IOScratch()
    let run = Run()
    let witness = Witness(byThread: pthread_self())
    let store = try witness.open(scratch, way)
    let queue = try store.queue(named: "events", options: Self.later)
    let syncs = store.statistics.syncCount
    let producers = 6
    let each = 400
    let threads = try (1..<producers).map { producer in
      try EngineThread(name: "producer") { Self.append(each, of: producer, to: queue, run) }
    }
    Self.append(each, of: 0, to: queue, run)
    for thread in threads { thread.join() }
    #expect(run.count.load(ordering: .relaxed) == UInt64(producers * each))
    #expect(queue.core.watermarks.writtenSequence == UInt64(producers * each))
    #expect(witness.writeCount > 0)
    #expect(witness.disturbances == [])
    #expect(store.statistics.syncCount == syncs)
    var next = [Int](repeating: 0, count: producers)
    try queue.wait(for: UInt64(producers * each - 1))
    for record in try queue.readAll() {
      let producer = Int(record.payload[0])
      #expect(record.payload == Self.payload(next[producer], of: producer))
      next[producer] += 1
    }
    #expect(next == [Int](repeating: each, count: producers))
    try store.close()
  }

  private static func payload(_ number: Int, of producer: Int) -> [UInt8] {
    [UInt8(producer)] + CursorFixture.payload(number)
  }

  /// Counts the appends that returned, each with its record written.
  private static func append(_ count: Int, of producer: Int, to queue: Queue, _ run: Run) {
    for number in 0..<count {
      guard let sequence = try? queue.append(payload(number, of: producer), level: .written),
        queue.core.watermarks.writtenSequence > sequence
      else { return }
      run.count.add(1, ordering: .relaxed)
    }
  }

  /// A waiter with a deadline never writes, so its record is often in another thread's round, which must tell it.
  @Test(.timeLimit(.minutes(15)))
  func whoSleepsIsToldByTheThreadThatWroteForIt() throws {
    let scratch = IOScratch()
    let witness = Witness(byThread: pthread_self())
    let store = try witness.open(scratch, IOWay(strategy: .systemCalls, mode: .buffered))
    let queue = try store.queue(named: "events", options: Self.later)
    let run = Run()
    let sleeper = try EngineThread(name: "sleeper") {
      defer { run.isOver.store(true, ordering: .releasing) }
      for number in 0..<2000 {
        guard
          (try? unsafe queue.append(
            CursorFixture.payload(number).span.bytes,
            level: .written,
            until: .now.advanced(by: .seconds(600))
          )) != nil
        else { return }
        run.count.add(1, ordering: .relaxed)
      }
    }
    var appended: UInt64 = 0
    while !run.isOver.load(ordering: .acquiring) {
      try queue.append([1, 2, 3], level: .written)
      appended += 1
    }
    sleeper.join()
    #expect(run.count.load(ordering: .relaxed) == 2000)
    #expect(queue.core.watermarks.writtenSequence == appended + 2000)
    #expect(witness.writeCount > 0)
    try store.close()
  }

  /// Those who may not be held up are served by the committer's thread, which naps while others do its work.
  @Test(.timeLimit(.minutes(15)))
  func whoCannotCommitFindsTheCommitterBesideOneWhoCan() async throws {
    let scratch = IOScratch()
    var options = StoreOptions()
    options.fileMode = .buffered
    let store = try Store.open(at: scratch.path, options: options)
    let queue = try store.queue(named: "events", options: Self.later)
    let other = try store.queue(named: "other")
    let run = Run()
    let thread = try EngineThread(name: "assistant") {
      while !run.isOver.load(ordering: .acquiring) {
        do { try queue.append([1, 2, 3], level: .written) } catch { return }
        run.count.add(1, ordering: .relaxed)
      }
    }
    for number in 0..<100 { try await other.append([UInt8(number)]) }
    run.isOver.store(true, ordering: .releasing)
    thread.join()
    let count = run.count.load(ordering: .relaxed)
    #expect(count > 0)
    #expect(queue.core.watermarks.writtenSequence == count)
    #expect(other.durableSequence == 100)
    try store.close()
  }

  @Test func aThreadWithADeadlineIsNotHeldUpByTheDisk() throws {
    let fixture = try StoreFixture(IOWay(strategy: .systemCalls, mode: .buffered))
    let queue = try fixture.store.queue(named: "later", options: Self.later)
    for number in 0..<1000 { try queue.append(CursorFixture.payload(number), level: .written) }
    fixture.disk.stall()
    let disk = fixture.disk
    // Only so that the test comes to an end where it fails.
    let rescue = try EngineThread(name: "rescue") {
      disk.waitUntilHeld()
      usleep(500_000)
      disk.resume()
    }
    let error = failure {
      try unsafe queue.append(
        [1].span.bytes,
        level: .written,
        until: .now.advanced(by: .milliseconds(20))
      )
    }
    #expect(error?.code == .timedOut)
    #expect(error?.sequence == 1000)
    rescue.join()
  }

  private final class Run: Sendable {
    let isOver = Atomic<Bool>(false)
    let count = Atomic<UInt64>(0)
  }

  /// The kernel sends SIGXFSZ to who writes beyond RLIMIT_FSIZE, which ends the process of a host that has no handler.
  @Test func theFileSizeLimitEndsAWriteAndNotTheHost() async {
    await #expect(processExitsWith: .success) { try Self.meetTheFileSizeLimit() }
  }

  private static func meetTheFileSizeLimit() throws {
    let witness = Witness(byThread: pthread_self())
    let scratch = IOScratch()
    let store = try witness.open(scratch, IOWay(strategy: .systemCalls, mode: .buffered))
    let queue = try store.queue(named: "events", options: later)
    witness.meetsSizeLimit.store(true, ordering: .relaxed)
    _ = unblock(SIGXFSZ)
    var count = 0
    while witness.meetsSizeLimit.load(ordering: .relaxed) {
      try queue.append([1], level: .written)
      count += 1
    }
    if queue.core.watermarks.writtenSequence != UInt64(count) { exit(2) }
    try store.close()
  }
}
