import CSpate
import Synchronization
import Testing

@testable import Spate

@Suite("Ring: many threads", .serialized)
struct RingThreadTests {
  /// What the threads of one test share.
  private final class Shared: Sendable {
    let isDone = Atomic<Bool>(false)
    let producersLeft: Atomic<Int>
    let expectedWins = Atomic<Int>(0)
    let pinsTaken = Atomic<Int>(0)
    let drainPosition = Atomic<UInt64>(0)
    let problems = Mutex<[String]>([])

    init(producers: Int) { producersLeft = Atomic(producers) }

    func report(_ problem: String) {
      problems.withLock { if $0.count < 20 { $0.append(problem) } }
    }
  }

  @Test(
    "Each record arrives once and in order per producer, over tiny chunks and constant reclaim with pins",
    arguments: [(4096, 2 << 20), (8192, 2 << 20)]
  )
  func everyRecordOnce(maximalChunk: Int, budget: Int) throws {
    let producers = 4
    let perProducer = 30_000
    let fixture = try RingFixture(maximalChunk: maximalChunk, stride: 16 << 10, budget: budget)
    let shared = Shared(producers: producers + 1)
    var threads: [EngineThread] = []
    for producer in 0..<producers {
      threads.append(
        try EngineThread(name: "produce") {
          produce(fixture, shared, producer: producer, count: perProducer)
        }
      )
    }
    threads.append(
      try EngineThread(name: "expect") { produceExpected(fixture, shared, producer: producers) }
    )
    for seed in 0..<2 {
      threads.append(try EngineThread(name: "pin") { pin(fixture, shared, seed: UInt64(seed)) })
    }
    threads.append(try EngineThread(name: "close") { close(fixture, shared) })

    var next = [UInt64](repeating: 0, count: producers + 1)
    let total = drain(fixture, shared) { tag in
      let (producer, count) = (Int(tag >> 40), tag & (1 << 40 - 1))
      if next[producer] != count {
        shared.report("producer \(producer): \(count) instead of \(next[producer])")
      }
      next[producer] = count + 1
    }
    shared.isDone.store(true, ordering: .releasing)
    fixture.ring.changed.signal()
    for thread in threads { thread.join() }

    #expect(shared.problems.withLock { $0 }.isEmpty, "\(shared.problems.withLock { $0 })")
    #expect(next.prefix(producers).allSatisfy { $0 == perProducer })
    #expect(next[producers] == UInt64(shared.expectedWins.load(ordering: .acquiring)))
    #expect(total == next.reduce(0, +))
    while fixture.ring.oldestChunk != nil {
      fixture.ring.closeNewest()
      fixture.ring.detachOldest()
    }
    #expect(fixture.pool.allocatedByteCount == 0)
    #expect(fixture.ring.bufferByteCount == 0)
  }

  /// Claims and publishes `count` records, waiting for room.
  private func produce(_ fixture: RingFixture, _ shared: Shared, producer: Int, count: Int) {
    var random = RingRandom(UInt64(producer) + 1)
    let maximum = fixture.ring.configuration.maximalChunkByteCount / 4
    for number in 0..<count {
      let isRun = random.next() % 200 == 0
      let size = isRun ? maximum + 8 + 8 * Int(random.next() % 500) : 32 + 8 * Int(random.next() % 40)
      while true {
        let event = fixture.ring.changed.current
        if case .claimed(let claimed) = fixture.ring.claim(byteCount: size, sequenceCount: 1) {
          fixture.publish(Place(claimed), tag: UInt64(producer) << 40 | UInt64(number))
          break
        }
        _ = fixture.ring.changed.wait(from: event, until: Int64(spate_now_monotonic_ns()) + 1_000_000)
      }
    }
    shared.producersLeft.wrappingSubtract(1, ordering: .acquiringAndReleasing)
  }

  /// Claims at sequences that it guesses from what it was told, while the others go on.
  private func produceExpected(_ fixture: RingFixture, _ shared: Shared, producer: Int) {
    var guess: UInt64 = 0
    var wins: UInt64 = 0
    while shared.producersLeft.load(ordering: .acquiring) > 1 {
      switch fixture.ring.claim(byteCount: 64, at: guess) {
      case .claimed(let claimed):
        if claimed.sequence != guess { shared.report("asked for \(guess), got \(claimed.sequence)") }
        fixture.publish(Place(claimed), tag: UInt64(producer) << 40 | wins)
        wins += 1
        guess += 1
      case .elsewhere(let next): guess = next
      case .backPressured: spate_cpu_pause()
      case .refused: spate_cpu_pause()
      }
    }
    shared.expectedWins.store(Int(wins), ordering: .releasing)
    shared.producersLeft.wrappingSubtract(1, ordering: .acquiringAndReleasing)
  }

  /// Pins chunks near the drain, and checks that they stay what they are while pinned.
  private func pin(_ fixture: RingFixture, _ shared: Shared, seed: UInt64) {
    var random = RingRandom(seed + 100)
    var held: [(chunk: Chunk, base: UInt64, salt: UInt64)] = []
    while !shared.isDone.load(ordering: .acquiring) {
      let near = shared.drainPosition.load(ordering: .acquiring)
      let back = random.next() % 20_000
      if let chunk = fixture.ring.pinChunk(holding: near > back ? near - back : 0) {
        held.append((chunk, chunk.basePosition, chunk.salt))
        shared.pinsTaken.wrappingAdd(1, ordering: .relaxed)
      }
      if held.count > 6 || random.next() % 4 == 0, !held.isEmpty {
        let (chunk, base, salt) = held.remove(at: Int(random.next() % UInt64(held.count)))
        let word = unsafe Ring.loadStamp(at: chunk.buffer)
        if chunk.basePosition != base || chunk.salt != salt
          || word != Format.stamp(salt: salt, position: base)
        {
          shared.report("a pinned chunk changed at \(base)")
        }
        fixture.ring.unpin(chunk)
      }
    }
    for (chunk, _, _) in held { fixture.ring.unpin(chunk) }
  }

  /// Closes chunks early and lifts and sets refusals, as the engine does now and then.
  private func close(_ fixture: RingFixture, _ shared: Shared) {
    var random = RingRandom(7)
    while !shared.isDone.load(ordering: .acquiring) {
      fixture.ring.closeNewest()
      if random.next() % 8 == 0 {
        fixture.ring.refuse(.full(SpateError(.diskFull, "full")))
        for _ in 0..<100 { spate_cpu_pause() }
        fixture.ring.liftFull()
      }
      fixture.ring.unblock()
      for _ in 0..<Int(random.next() % 5000) { spate_cpu_pause() }
    }
  }

  /// Plays the committer: follows the stamps, detaches what it read, hands out segments. Returns how many
  /// records there were.
  private func drain(_ fixture: RingFixture, _ shared: Shared, record: (UInt64) -> Void) -> UInt64 {
    var current: Chunk?
    var position: UInt64 = 0
    var sequence: UInt64 = 0
    var count: UInt64 = 0
    var last: Chunk?
    while true {
      let isLast = shared.producersLeft.load(ordering: .acquiring) == 0
      fixture.provide()
      for waiter in fixture.pool.takeStarving() { waiter.memoryWasFreed() }
      fixture.ring.changed.signal()
      _ = fixture.ring.takeBegunSegments()
      if current == nil { current = last == nil ? fixture.ring.oldestChunk : last?.next }
      guard let chunk = current else {
        if isLast { return count }
        continue
      }
      if position == chunk.basePosition, sequence != chunk.baseSequence {
        shared.report("chunk at \(position) begins with \(chunk.baseSequence), not \(sequence)")
      }
      if position < chunk.basePosition { shared.report("a gap before \(chunk.basePosition)") }
      var moved = false
      while position < chunk.basePosition + UInt64(chunk.capacity) {
        let at = unsafe UnsafeRawPointer(chunk.buffer) + Int(position - chunk.basePosition)
        let word = unsafe Ring.loadStamp(at: at)
        let stamp = Format.stamp(salt: chunk.salt, position: position)
        if word == stamp ^ Format.paddingMask {
          position = Format.alignUp(position, to: RingFixture.block)
          moved = true
          break
        }
        guard word == stamp else { break }
        let header = unsafe FrameHeader(decoding: at)
        if header.type == .record {
          for index in [0, Int(header.bodyByteCount) - 1] where index >= 0 && header.bodyByteCount > 0 {
            if unsafe at.load(fromByteOffset: 32 + index, as: UInt8.self) != RingFixture.byte(sequence, index)
            {
              shared.report("record \(sequence) at \(position) has other bytes")
            }
          }
          record(header.timestamp)
          count += 1
          sequence += 1
        }
        position += UInt64(header.frameByteCount)
        moved = true
      }
      shared.drainPosition.store(position, ordering: .releasing)
      if let end = chunk.endPosition, position == end {
        if sequence != chunk.endSequence {
          shared.report("the end at \(end) says \(chunk.endSequence), not \(sequence)")
        }
        // Reclaimed at once: the descriptor and the buffer stand for something else in a moment.
        let next = chunk.next
        fixture.ring.detachOldest()
        for waiter in fixture.pool.takeStarving() { waiter.memoryWasFreed() }
        fixture.ring.unblock()
        current = next
        last = nil
      } else if !moved, isLast, chunk.takesClaims {
        return count
      }
    }
  }
}
