import Glibc
import Testing

@testable import Spate
@testable import SpateCrashChild

/// Owners that meet their end, or their environment's, in other ways than a plain kill. `scripts/kill-torture` runs
/// them too.
@Suite(.serialized) struct TortureTests {
  /// For how long an owner is stopped; `scripts/kill-torture` makes that minutes.
  private static let stopSeconds =
    unsafe getenv("SPATE_STOP_SECONDS").flatMap { unsafe Int(String(cString: $0)) } ?? 2

  /// Opens what a child left, and compares it with what it printed.
  private func examine(_ path: String, _ lines: [String]) throws {
    let store = try Store.open(at: path)
    let queue = try store.queue(named: "a")
    #expect(queue.recoveryReport.damages.isEmpty)
    let log = try CrashLog(reading: queue)
    #expect(log.complaints == [])
    var count = 0
    for line in lines where line.hasPrefix("a ") {
      let fields = line.split(separator: " ").map(String.init)
      let sequence = try #require(UInt64(fields[1]))
      #expect(log.seen[sequence] == UInt64(fields[2]), "\(sequence) is lost or changed")
      count += 1
    }
    #expect(count > 0)
    try queue.append([1])
    try store.close()
  }

  @Test func aStoppedOwnerKeepsTheLockUntilItIsKilled() throws {
    let scratch = IOScratch()
    let child = try ChildProcess(["append", "path=\(scratch.path)", "producers=2"])
    var lines: [String] = []
    func follow(_ count: Int) {
      let wanted = lines.count + count
      while lines.count < wanted, !child.hasEnded {
        lines += child.takeLines()
        usleep(1_000)
      }
    }
    follow(20)
    let reader = try FollowingReader(path: scratch.path, queues: ["a"])
    follow(20)
    kill(child.identifier, SIGSTOP)
    child.drain()
    lines += child.takeLines()
    for _ in 0..<Self.stopSeconds * 10 {
      let error = #expect(throws: SpateError.self) { try Store.open(at: scratch.path).close() }
      #expect(error?.code == .locked)
      #expect(error?.message.contains("\(child.identifier)") == true)
      usleep(100_000)
    }
    // Whoever only reads goes on, also who comes now, and has all that was acknowledged as durable.
    try expectSeen(reader, lines)
    try expectSeen(try FollowingReader(path: scratch.path, queues: ["a"]), lines)
    // So does the owner, where it stood.
    kill(child.identifier, SIGCONT)
    follow(200)
    lines += child.kill()
    #expect(child.wasKilled)
    try expectSeen(reader, lines)
    try examine(scratch.path, lines)
  }

  /// A reader comes to see what was acknowledged as durable in queue `a`, with the same bytes.
  private func expectSeen(_ reader: FollowingReader, _ lines: [String]) throws {
    var left: [UInt64: UInt64] = [:]
    for line in lines where line.hasPrefix("a ") && line.hasSuffix("durable") {
      let fields = line.split(separator: " ").map(String.init)
      left[try #require(UInt64(fields[1]))] = UInt64(fields[2])
    }
    #expect(!left.isEmpty)
    let isSeen = RetentionFixture.comes {
      let (seen, complaints) = reader.peek("a")
      #expect(complaints.isEmpty)
      for (sequence, hash) in seen where left[sequence] == hash { left[sequence] = nil }
      return left.isEmpty
    }
    #expect(isSeen, "\(left.count) acknowledged records are not seen")
  }

  @Test func aForkedChildHarmsNothingOfItsParentsStore() throws {
    let scratch = IOScratch()
    let child = try ChildProcess(["fork", "path=\(scratch.path)"])
    var lines: [String] = []
    while !lines.contains("parent"), !child.hasEnded {
      lines += child.takeLines()
      usleep(1_000)
    }
    #expect(lines.contains("child \(SpateError.Code.closed.rawValue)"))
    // The child's close gave nothing back.
    let error = #expect(throws: SpateError.self) { try Store.open(at: scratch.path).close() }
    #expect(error?.code == .locked)
    lines += child.finish()
    #expect(child.hasSucceeded)
    try examine(scratch.path, lines)
  }

  @Test func descriptorsThatAreUsedUpAreTypedErrorsAndAppendingResumes() throws {
    let scratch = IOScratch()
    // A limit of its own, so that using all of them up is quick.
    let child = try ChildProcess(
      [
        "-c", "ulimit -n 64; exec \"$0\" \"$@\"", ChildProcess.executable, "descriptors",
        "path=\(scratch.path)",
      ],
      executable: "/bin/sh"
    )
    let lines = child.finish()
    #expect(child.hasSucceeded)
    #expect(lines.last == "end")
    #expect(lines.contains("refused \(SpateError.Code.resourceExhausted.rawValue)"))
    let codes = [SpateError.Code.resourceExhausted, .timedOut, .backPressured].map {
      "refused \($0.rawValue)"
    }
    #expect(
      lines.filter { $0.hasPrefix("refused") }.allSatisfy(codes.contains),
      "\(lines.filter { $0.hasPrefix("refused") })"
    )
    try examine(scratch.path, lines)
  }

  @Test func aDeletedStoreFailsWithATypedErrorWhenItNeedsAFile() throws {
    let scratch = IOScratch()
    let path = scratch.path + "/store"
    var options = StoreOptions()
    options.minimalSegmentByteCount = 64 << 10
    options.maximalSegmentByteCount = 64 << 10
    let store = try Store.open(at: path, options: options)
    let queue = try store.queue(named: "a")
    for _ in 0..<20 { try queue.append([UInt8](repeating: 7, count: 1_000)) }
    #expect(PowerCutTools.run("rm -rf '\(path)'"))
    let error = #expect(throws: SpateError.self) {
      for _ in 0..<1_000 {
        try unsafe queue.append(
          [UInt8](repeating: 7, count: 1_000).span.bytes,
          key: RawSpan(),
          until: .now + .seconds(5)
        )
      }
    }
    #expect([.notFound, .queueFailed, .ioFailed].contains(error?.code), "\(error.debugDescription)")
    #expect(throws: SpateError.self) { try store.queue(named: "b") }
    _ = try? store.close()
    // Its place is free.
    let other = try Store.open(at: path, options: options)
    #expect(try other.queue(named: "a").append([1]) == 0)
    try other.close()
  }

  /// Appends until that is refused, or for half a minute: what was found, and how many were acknowledged meanwhile.
  private func appendUntilRefused(_ queue: Queue) throws -> SpateError? {
    var error: SpateError?
    let payload = [UInt8](repeating: 7, count: 100)
    _ = RetentionFixture.comes {
      error = failure { try queue.appendBlocking(payload) }
      return error != nil
    }
    return error
  }

  @Test func aDeletedStoreStopsAcknowledgingBeforeItNeedsAFile() throws {
    let scratch = IOScratch()
    let path = scratch.path + "/store"
    let store = try Store.open(at: path)
    let queue = try store.queue(named: "a")
    let idle = try store.queue(named: "idle")
    try queue.append([1])
    #expect(PowerCutTools.run("rm -rf '\(path)'"))
    let error = try #require(try appendUntilRefused(queue))
    #expect(error.code == .queueFailed || error.code == .notFound)
    #expect(error.message.contains("deleted or replaced"), "\(error)")
    // All of it is gone: no queue goes on, and none is made.
    let later = try #require(failure { try idle.append([1]) })
    #expect(later.code == .queueFailed)
    #expect(later.message.contains("deleted or replaced"), "\(later)")
    #expect(failure { try store.queue(named: "b") }?.code == .notFound)
    #expect(failure { try store.queue(named: "a") }?.code == .notFound)
    #expect(failure { try store.close() }?.code == .notFound)
    let other = try Store.open(at: path)
    #expect(try other.queue(named: "a").append([1]) == 0)
    try other.close()
  }

  @Test func aDeletionIsNoticedAfterTheLastAppendBeforeIt() throws {
    let scratch = IOScratch()
    let path = scratch.path + "/store"
    let store = try Store.open(at: path)
    let queue = try store.queue(named: "a")
    try queue.append([1])
    #expect(PowerCutTools.run("rm -rf '\(path)'"))
    try queue.append([1])
    // Nobody appends any more: the one that was lost is told of all the same.
    #expect(RetentionFixture.comes { (try? store.queue(named: "a")) == nil })
    #expect(failure { try queue.append([1]) }?.code == .queueFailed)
    try? store.close()
  }

  @Test func aStoreThatIsReplacedStopsAndItsRecordsAreWhereItWasMoved() throws {
    let scratch = IOScratch()
    let path = scratch.path + "/store"
    let store = try Store.open(at: path)
    let queue = try store.queue(named: "a")
    try queue.append([1])
    #expect(unsafe rename(path, path + ".moved") == 0)
    // Moved only: it is the same store.
    for _ in 0..<5 {
      try queue.append([1])
      usleep(50_000)
    }
    let other = try Store.open(at: path)
    let error = try #require(try appendUntilRefused(queue))
    #expect(error.message.contains("another store"), "\(error)")
    let durable = queue.durableSequence
    try? store.close()
    #expect(try other.queue(named: "a").append([1]) == 0)
    try other.close()
    let moved = try Store.open(at: path + ".moved")
    #expect(try moved.queue(named: "a").readAll().count >= Int(durable))
    try moved.close()
  }

  /// A memory group with a limit, in which a child can be put; nil with the reason where that is not allowed.
  private static let memoryGroup: (path: String, limit: String)? = [
    (path: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes"),
    (path: "/sys/fs/cgroup", limit: "memory.max"),
  ].first { group in
    let path = "\(group.path)/spate-probe-\(getpid())"
    return PowerCutTools.run(
      "mkdir '\(path)' && test -w '\(path)/\(group.limit)'; ok=$?; rmdir '\(path)'; exit $ok"
    )
  }

  @Test(.enabled(if: memoryGroup != nil, "no memory group can be made here"))
  func anOwnerThatIsKilledForItsMemoryLosesNothingAcknowledged() throws {
    let group = try #require(Self.memoryGroup)
    let path = "\(group.path)/spate-\(getpid())"
    let scratch = IOScratch()
    try #require(PowerCutTools.run("mkdir '\(path)' && echo 96M > '\(path)/\(group.limit)'"))
    defer { _ = PowerCutTools.run("rmdir '\(path)'") }
    let child = try ChildProcess(
      [
        "-c", "echo $$ > '\(path)/cgroup.procs'; exec \"$0\" \"$@\"", ChildProcess.executable, "exhaust",
        "path=\(scratch.path)", "producers=3",
      ],
      executable: "/bin/sh"
    )
    let lines = child.finish()
    #expect(child.wasKilled)
    try examine(scratch.path, lines)
  }

  /// A claim that nobody publishes, abandons or drops any more.
  @Test func aThreadThatEndsInsideAClaimHoldsOthersUpOnlyUntilItExpires() throws {
    let scratch = IOScratch()
    var options = StoreOptions()
    options.claimDeadlineNanoseconds = 20_000_000
    let store = try Store.open(at: scratch.path, options: options)
    let queue = try store.queue(named: "a")
    let thread = try EngineThread(name: "claimant") {
      guard let claim = try? queue.claim(byteCount: 100) else { return }
      _ = unsafe Unmanaged.passRetained(HeldClaim(claim))
    }
    thread.join()
    let payload: [UInt8] = [1, 2, 3]
    let sequence = try unsafe queue.append(payload.span.bytes, key: RawSpan(), until: .now + .seconds(20))
    #expect(sequence == 1)
    #expect(queue.statistics.expiredClaimCount == 1)
    var cursor = try queue.cursor()
    #expect(try cursor.next()?.sequence == 1)
    try store.close()
  }

  private final class HeldClaim {
    private let claim: Claim

    init(_ claim: consuming Claim) { self.claim = claim }
  }

  /// The kernel may carry out a dead owner's writes long after its end: who comes next must not look before.
  @Test(.enabled(if: PowerCutTools.missing == nil, PowerCutTools.missing))
  func nobodyReadsWhatADeadOwnersWritesMayStillChange() throws {
    let disks = try VolatileDisks(count: 1, seed: 1)
    let fileSystem = try #require(disks.tools.fileSystems.first)
    try disks.format(0, as: fileSystem)
    try disks.mount(0, as: fileSystem)
    let path = disks.path(0) + "/store"
    let segment = "\(16 << 20)"
    let child = try ChildProcess([
      "burst", "path=\(path)", "strategy=ioUring", "mode=direct", "segment=\(segment)",
      "largestSegment=\(segment)", "chunk=\(512 << 10)",
    ])
    var lines: [String] = []
    while !lines.contains("open"), !child.hasEnded {
      lines += child.takeLines()
      usleep(1_000)
    }
    // The next segment is prepared meanwhile: only the burst writes from here on.
    usleep(700_000)
    try disks.holdWrites(ofAtLeast: 64 << 10)
    child.tell("go")
    var held = 0
    for _ in 0..<1_000 where held == 0 {
      held = try disks.heldCount
      usleep(5_000)
    }
    #expect(held > 0, "no write is held up")
    // Not waited for: a thread of it that is in a write itself ends only with that write.
    Glibc.kill(child.identifier, SIGKILL)
    let opener = try Opener(path: path)
    usleep(500_000)
    #expect(try disks.heldCount >= held, "the writes were not held up for long enough")
    #expect(!opener.hasOpened, "the queue was opened while writes of its dead owner were in flight")
    try disks.releaseWrites()
    lines += child.kill()
    let failure = opener.finish()
    #expect(failure == nil || failure?.code == .locked)
    try examine(path, lines)
    try disks.unmount(0)
  }
}
