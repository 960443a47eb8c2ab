import Glibc
import Testing

@testable import Spate
@testable import SpateCrashChild

/// Owners that meet their end, or their environment's, in other ways than a plain kill. `scripts/kill-torture` runs
/// them too.
@Suite(.serialized) struct TortureTests {
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
    while !lines.contains(where: { $0.hasPrefix("a ") }), !child.hasEnded {
      lines += child.takeLines()
      usleep(1_000)
    }
    kill(child.identifier, SIGSTOP)
    for _ in 0..<5 {
      let error = #expect(throws: SpateError.self) { try Store.open(at: scratch.path).close() }
      #expect(error?.code == .locked)
      #expect(error?.message.contains("\(child.identifier)") == true)
      usleep(20_000)
    }
    lines += child.kill()
    #expect(child.wasKilled)
    try examine(scratch.path, lines)
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
