import Glibc
import Testing

@testable import Spate
@testable import SpateCrashChild

/// One store whose owners are killed, and everything that is known to be in it for good.
///
/// A record is known once its append was acknowledged by a line that the child printed, or once a reopened
/// queue has shown it.
final class KillDriver {
  /// How the child and the checks in between open the store.
  struct Variant: Sendable {
    var segmentByteCount: UInt64 = 64 << 10
    var largestSegmentByteCount: UInt64 = 64 << 10
    var retainedByteCount: UInt64 = 0
    var producers = 4

    static let all = [
      Variant(),
      Variant(largestSegmentByteCount: 8 << 20, producers: 3),
      Variant(segmentByteCount: 64 << 10, retainedByteCount: 400 << 10),
      Variant(segmentByteCount: 1 << 20, largestSegmentByteCount: 4 << 20, producers: 1),
    ]
  }

  private let scratch = IOScratch()
  private let way: IOWay
  private let variant: Variant
  private var random: SplitMix
  private var life: UInt64 = 0
  private var known: [String: [UInt64: UInt64]] = ["a": [:], "b": [:]]
  private(set) var acknowledgedCount = 0
  private(set) var followedCount = 0
  /// Reads beside all owners, from the first check on.
  private var reader: FollowingReader?

  init(way: IOWay, variant: Variant, seed: UInt64) {
    self.way = way
    self.variant = variant
    random = SplitMix(state: seed)
  }

  /// One life of a child, or two in quick succession, and then a look at what they left.
  func round() throws {
    try runAndKill(delayNanoseconds: random.next() % 60_000_000, waitsForOpen: random.next() % 4 != 0)
    if random.next() % 3 == 0 {
      // Killed while it opens, recovers or just begins.
      try runAndKill(delayNanoseconds: random.next() % 12_000_000, waitsForOpen: random.next() % 2 == 0)
    }
    if random.next() % 4 != 0 { try check() }
  }

  private var arguments: [String] {
    [
      "path=\(scratch.path)", "seed=\(random.next() >> 1)", "life=\(life)",
      "strategy=\(way.strategy == .ioUring ? "ioUring" : "systemCalls")",
      "mode=\(way.mode == .direct ? "direct" : "buffered")", "segment=\(variant.segmentByteCount)",
      "largestSegment=\(variant.largestSegmentByteCount)", "retain=\(variant.retainedByteCount)",
      "producers=\(variant.producers)",
    ]
  }

  private func runAndKill(delayNanoseconds: UInt64, waitsForOpen: Bool) throws {
    life += 1
    let child = try ChildProcess(["append"] + arguments)
    if waitsForOpen { _ = child.firstLine() }
    usleep(UInt32(delayNanoseconds / 1_000))
    let lines = child.kill()
    #expect(child.wasKilled, "the child ended by itself in life \(life)")
    for line in lines where line != "open" {
      let fields = line.split(separator: " ")
      let queue = String(fields[0])
      let sequence = try #require(UInt64(fields[1]))
      let hash = try #require(UInt64(fields[2]))
      let before = known[queue]?.updateValue(hash, forKey: sequence)
      #expect(before == nil, "\(queue) \(sequence) was acknowledged twice, or given out again")
      acknowledgedCount += 1
    }
  }

  /// Reopens the store here, compares it with what is known, and appends a little.
  func check() throws {
    life += 1
    let child = ChildArguments(arguments)
    let store = try Store.open(at: scratch.path, options: child.storeOptions)
    for name in ["a", "b"] {
      let queue = try store.queue(named: name, options: child.queueOptions)
      #expect(queue.recoveryReport.damages.isEmpty, "life \(life), queue \(name): \(queue.recoveryReport)")
      try compare(queue)
      for number in 1...UInt64(1 + random.next() % 5) {
        let payload = CrashRecord.payload(life: life, producer: 0, number: number, byteCount: 100)
        known[name]?[try queue.append(payload)] = CrashRecord.hash(payload)
      }
      try compare(queue)
      try compareWithReader(queue)
    }
    try store.close()
    if reader == nil { reader = try FollowingReader(path: scratch.path, queues: ["a", "b"]) }
  }

  /// What the reader was shown is in the log, as it was shown.
  private func compareWithReader(_ queue: Queue) throws {
    guard let reader else { return }
    let (seen, complaints) = reader.take(queue.name)
    #expect(complaints.isEmpty)
    followedCount += seen.count
    let kept = queue.statistics.firstSequence
    for (sequence, hash) in seen where sequence >= kept {
      let found = known[queue.name]?[sequence]
      #expect(found == hash, "life \(life): \(queue.name) \(sequence) was shown, and is not so")
    }
  }

  /// Reads the whole queue: nothing known is missing or different, producers' records are in order and there
  /// once, and batches are whole.
  private func compare(_ queue: Queue) throws {
    let log = try CrashLog(reading: queue, mayBeTrimmed: variant.retainedByteCount > 0)
    for complaint in log.complaints { Issue.record("life \(life): \(complaint)") }
    let kept = queue.statistics.firstSequence
    if variant.retainedByteCount == 0 { #expect(kept == 0) }
    for (sequence, hash) in known[queue.name] ?? [:] where sequence >= kept {
      #expect(log.seen[sequence] == hash, "life \(life): \(queue.name) \(sequence) is lost or changed")
    }
    known[queue.name] = log.seen
  }
}
