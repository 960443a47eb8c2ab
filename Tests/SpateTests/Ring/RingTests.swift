import Testing

@testable import Spate

@Suite("Ring: chunks, padding, sequences")
struct RingTests {
  /// What the log must look like in memory: chunks without a gap, sequences without a gap, all bytes right.
  private func checkLog(
    _ fixture: RingFixture,
    records: [Place],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var found: [WalkedFrame] = []
    var expected: LogMark?
    for chunk in fixture.chunks {
      if let expected {
        #expect(chunk.basePosition == expected.position, sourceLocation: sourceLocation)
        #expect(chunk.baseSequence == expected.sequence, sourceLocation: sourceLocation)
      }
      #expect(chunk.basePosition % UInt64(RingFixture.block) == 0, sourceLocation: sourceLocation)
      let (frames, end, isRight) = walk(chunk)
      #expect(isRight, sourceLocation: sourceLocation)
      #expect(frames.first?.type == .chunk, sourceLocation: sourceLocation)
      let frame = unsafe ChunkFrame(
        decodingFrame: chunk.buffer,
        position: chunk.basePosition,
        salt: chunk.salt
      )
      #expect(frame?.baseSequence == chunk.baseSequence && frame?.epoch == 3, sourceLocation: sourceLocation)
      found += frames.filter { $0.type == .record }
      if let chunkEnd = chunk.endPosition {
        #expect(
          end == LogMark(position: chunkEnd, sequence: chunk.endSequence),
          sourceLocation: sourceLocation
        )
      }
      expected = end
    }
    #expect(found.map(\.position) == records.map(\.position), sourceLocation: sourceLocation)
    #expect(found.map(\.sequence) == records.map(\.sequence), sourceLocation: sourceLocation)
    #expect(found.map(\.sequence) == (0..<UInt64(found.count)).map { $0 }, sourceLocation: sourceLocation)
    #expect(found.map(\.byteCount) == records.map(\.byteCount), sourceLocation: sourceLocation)
  }

  @Test(
    "Records of every size fill chunks of every small capacity without gap or overlap, across rolls",
    arguments: [4096, 8192, 16384]
  )
  func everySize(maximalChunk: Int) throws {
    let pool = try BufferPool(budget: 4 << 20)
    for size in stride(from: 32, through: maximalChunk / 4 + 256, by: maximalChunk == 4096 ? 8 : 56) {
      let fixture = try RingFixture(maximalChunk: maximalChunk, minimalChunk: maximalChunk, pool: pool)
      var records: [Place] = []
      while records.last?.end ?? 0 < 160 << 10 {
        let place = try #require(fixture.claim(size))
        fixture.publish(place)
        records.append(place)
      }
      checkLog(fixture, records: records)
      #expect(fixture.ring.takeBegunSegments().count >= 2)
    }
  }

  @Test(
    "A chunk that is filled up to any offset takes a record that fits and closes before one that does not"
  )
  func everyOffset() throws {
    let pool = try BufferPool(budget: 4 << 20)
    for offset in stride(from: 80, through: 4096, by: 8) where offset == 80 || offset >= 112 {
      for size in [32, 40, 512, 1016, 1024] {
        let fixture = try RingFixture(pool: pool)
        var records: [Place] = []
        var at = 80
        while at < offset {
          let left = offset - at
          // The rest is never smaller than a frame.
          let step = left <= 1024 ? left : min(1024, left - 32)
          let place = try #require(fixture.claim(step))
          fixture.publish(place)
          records.append(place)
          at += step
        }
        let place = try #require(fixture.claim(size))
        fixture.publish(place)
        records.append(place)
        #expect(place.position == (offset + size <= 4096 ? UInt64(offset) : 4096 + 80))
        checkLog(fixture, records: records)
      }
    }
  }

  @Test("Large claims travel on chunks of their own, small ones before and behind them", arguments: 1...20)
  func runs(seed: UInt64) throws {
    var random = RingRandom(seed)
    let fixture = try RingFixture(maximalChunk: 8192, segmentByteCount: 80 << 10, budget: 8 << 20)
    var records: [Place] = []
    for _ in 0..<120 {
      let isRun = random.next() % 5 == 0
      let size = isRun ? 2056 + 8 * Int(random.next() % 8000) : 32 + 8 * Int(random.next() % 250)
      let place = try #require(fixture.claim(size))
      fixture.publish(place)
      records.append(place)
    }
    checkLog(fixture, records: records)
  }

  @Test("No chunk crosses a stride or a segment's end, but one that holds a single claim", arguments: 1...20)
  func strides(seed: UInt64) throws {
    var random = RingRandom(seed)
    let fixture = try RingFixture(
      maximalChunk: 16384,
      stride: 32 << 10,
      segmentByteCount: 144 << 10,
      budget: 8 << 20
    )
    var count = 0
    while count < 300 {
      let size = random.next() % 3 == 0 ? 4088 : 32 + 8 * Int(random.next() % 110)
      let place = try #require(fixture.claim(size))
      fixture.publish(place)
      count += 1
    }
    let segments = fixture.ring.takeBegunSegments()
    for chunk in fixture.chunks {
      let segment = try #require(segments.last { $0.base.position <= chunk.basePosition })
      #expect(segment.file.number == chunk.segmentNumber && segment.salt == chunk.salt)
      let end = chunk.endPosition ?? walk(chunk).end.position
      #expect(end <= segment.endPosition)
      let first = (chunk.basePosition - segment.base.position) / (32 << 10)
      let last = (end - 1 - segment.base.position) / (32 << 10)
      if first != last { #expect(walk(chunk).frames.count { $0.type == .record } == 1) }
    }
  }

  @Test("A claim that does not fit before a stride has the chunk that crosses it to itself")
  func strideCrossing() throws {
    let fixture = try RingFixture(maximalChunk: 16384, stride: 32 << 10, segmentByteCount: 144 << 10)
    for _ in 0..<7 {
      fixture.publish(try #require(fixture.claim(64)))
      fixture.ring.closeNewest()
    }
    let large = try #require(fixture.claim(4088))
    fixture.publish(large)
    let small = try #require(fixture.claim(64))
    fixture.publish(small)
    #expect(large.position == (28 << 10) + 80)
    #expect(small.position == (36 << 10) + 80 && small.sequence == 8)
    // The same for a claim at an expected sequence.
    for _ in 0..<6 {
      fixture.ring.closeNewest()
      fixture.publish(try #require(fixture.claim(64)))
    }
    fixture.ring.closeNewest()
    #expect(fixture.ring.claimedEnd.position == 64 << 10)
    for chunk in fixture.chunks { #expect(walk(chunk).isRight) }
  }

  @Test("Capacities stay whole blocks, also when they grow and shrink through no powers of two")
  func capacitiesAreWholeBlocks() throws {
    // The clock of the fixture makes capacities stand; halving is what long intervals do.
    let fixture = try RingFixture(maximalChunk: 28 << 10, minimalChunk: 4096, stride: 1 << 20)
    fixture.ring.state.withLock { $0.nextCapacity = 28 << 10 }
    for step in 0..<12 {
      fixture.ring.state.withLock { $0.lastOpenedTimestamp = step % 2 == 0 ? 0 : $0.lastOpenedTimestamp }
      fixture.ring.closeNewest()
      fixture.publish(try #require(fixture.claim(64)))
    }
    for chunk in fixture.chunks { #expect(chunk.capacity % RingFixture.block == 0 && chunk.capacity > 0) }
  }

  @Test("A batch's sequences follow one another, and the next record's follow them")
  func batches() throws {
    let fixture = try RingFixture()
    let first = try #require(fixture.claim(96, count: 3))
    let second = try #require(fixture.claim(32))
    let run = try #require(fixture.claim(40_000, count: 500))
    let last = try #require(fixture.claim(32))
    #expect([first.sequence, second.sequence, run.sequence, last.sequence] == [0, 3, 4, 504])
  }

  @Test("A segment begins where the one before it ended, with a salt of its own")
  func rolls() throws {
    let fixture = try RingFixture(end: LogMark(position: 8192, sequence: 77))
    for _ in 0..<400 { fixture.publish(try #require(fixture.claim(1000))) }
    let begun = fixture.ring.takeBegunSegments()
    #expect(begun.count > 3)
    #expect(begun[0].base == LogMark(position: 8192, sequence: 77))
    #expect(Set(begun.map(\.salt)).count == begun.count)
    for (before, after) in zip(begun, begun.dropFirst()) {
      let lastChunk = fixture.chunks.last { $0.segmentNumber == before.file.number }
      #expect(after.base.position == lastChunk?.endPosition && after.base.sequence == lastChunk?.endSequence)
      #expect(after.cutPosition == after.base.position)
    }
    #expect(fixture.ring.takeBegunSegments().isEmpty)
  }

  @Test("Nothing of an earlier use of a buffer is left behind the last frame of a chunk that closed")
  func noStaleBytes() throws {
    let fixture = try RingFixture(budget: 2 << 20)
    var all: [BufferPool.Buffer] = []
    while let buffer = fixture.pool.allocate(byteCount: 4096, isSmallHolder: true, waiter: nil) {
      unsafe buffer.address.initializeMemory(as: UInt8.self, repeating: 0xAB, count: buffer.byteCount)
      all.append(buffer)
    }
    for buffer in all { fixture.pool.free(buffer) }
    for size in [32, 40, 1000, 1024, 3000, 5000] {
      fixture.publish(try #require(fixture.claim(size)))
      fixture.ring.closeNewest()
    }
    for chunk in fixture.chunks { #expect(walk(chunk).isRight) }
  }

  @Test("Without a segment or memory claims are back-pressured, and go on where they stopped")
  func backPressure() throws {
    let fixture = try RingFixture(budget: 2 << 20)
    guard case .backPressured = fixture.ring.claim(byteCount: 64, sequenceCount: 1) else {
      Issue.record("no segment was prepared")
      return
    }
    var hold: [BufferPool.Buffer] = []
    while let buffer = fixture.pool.allocate(byteCount: 4096, isSmallHolder: true, waiter: nil) {
      hold.append(buffer)
    }
    #expect(fixture.claim(64) == nil)
    #expect(fixture.pool.takeStarving().count == 1)
    fixture.pool.free(hold.removeLast())
    fixture.ring.unblock()
    let first = try #require(fixture.claim(64))
    #expect(first.sequence == 0 && first.position == 80)
    var last = first
    while let place = fixture.claim(64) { last = place }
    fixture.pool.free(hold.removeLast())
    fixture.ring.unblock()
    let next = try #require(fixture.claim(64))
    #expect(next.sequence == last.sequence + 1 && next.position == 4096 + 80)
  }

  @Test("Trying again and again while the next chunk cannot open adds nothing to the closed chunk's word")
  func starvingDoesNotOverflow() throws {
    let fixture = try RingFixture(budget: 2 << 20)
    while fixture.claim(64) != nil {}
    let newest = try #require(fixture.chunks.last)
    let word = unsafe newest.descriptor.pointee.claim.load(ordering: .relaxed)
    for _ in 0..<1000 {
      fixture.ring.unblock()
      #expect(fixture.claim(1024) == nil)
    }
    #expect(unsafe newest.descriptor.pointee.claim.load(ordering: .relaxed) == word)
  }

  @Test(
    "A refusal keeps claims out until it is lifted; a failure is for good; the chunk goes on where it was"
  )
  func refusals() throws {
    let fixture = try RingFixture()
    let full = SpateError(.diskFull, "full")
    fixture.publish(try #require(fixture.claim(64)))
    fixture.ring.refuse(.full(full))
    #expect(fixture.claim(64) == nil)
    fixture.ring.liftFull()
    let second = try #require(fixture.claim(64))
    #expect(second.position == 80 + 64)
    fixture.ring.refuse(.paused)
    fixture.ring.refuse(.full(full))
    fixture.ring.liftFull()
    #expect(fixture.claim(64) == nil, "a full disk must not lift a pause")
    fixture.ring.refuse(nil)
    #expect(fixture.claim(64)?.sequence == 2)
    fixture.ring.refuse(.failed(full))
    fixture.ring.refuse(nil)
    fixture.ring.liftFull()
    fixture.ring.unblock()
    #expect(fixture.claim(64) == nil)
  }

  @Test(
    "A detached chunk's buffer goes back at once, or with its last pin; positions in it are not found any more"
  )
  func pinsAndDetach() throws {
    for pinCount in 0...3 {
      for unpinFirst in 0...pinCount {
        let fixture = try RingFixture()
        for _ in 0..<10 { fixture.publish(try #require(fixture.claim(1000))) }
        let before = fixture.pool.allocatedByteCount
        let chunk = try #require(fixture.ring.oldestChunk)
        let pins = (0..<pinCount).compactMap { _ in fixture.ring.pinChunk(holding: chunk.basePosition + 100) }
        #expect(pins.count == pinCount && pins.allSatisfy { $0 == chunk })
        for pin in pins.prefix(unpinFirst) { fixture.ring.unpin(pin) }
        fixture.ring.detachOldest()
        let left = pinCount - unpinFirst
        #expect(fixture.pool.allocatedByteCount == (left == 0 ? before - 4096 : before))
        #expect(fixture.ring.pinChunk(holding: 100) == nil)
        #expect(!chunk.tryPin())
        for pin in pins.dropFirst(unpinFirst) { fixture.ring.unpin(pin) }
        #expect(fixture.pool.allocatedByteCount == before - 4096)
        #expect(fixture.ring.oldestChunk?.basePosition == 4096)
      }
    }
  }

  @Test("When the newest chunk is detached, the next claim begins where it ended")
  func detachTheNewest() throws {
    let fixture = try RingFixture()
    for round in 0..<50 {
      let place = try #require(fixture.claim(200))
      #expect(place.sequence == UInt64(round))
      fixture.publish(place)
      // An open chunk stays.
      fixture.ring.detachOldest()
      #expect(fixture.ring.oldestChunk != nil)
      fixture.ring.closeNewest()
      fixture.ring.closeNewest()
      fixture.ring.detachOldest()
      #expect(fixture.ring.oldestChunk == nil && fixture.pool.allocatedByteCount == 0)
      #expect(
        fixture.ring.claimedEnd == LogMark(position: UInt64(round + 1) * 4096, sequence: UInt64(round + 1))
      )
    }
  }

  @Test(
    "A claim at an expected sequence succeeds there and nowhere else: empty, open, full, closed and detached"
  )
  func expectedSequences() throws {
    for filled in 0..<70 {
      for ending in 0..<3 {
        let fixture = try RingFixture()
        for _ in 0..<filled { fixture.publish(try #require(fixture.claim(64))) }
        if ending > 0 { fixture.ring.closeNewest() }
        if ending > 1 { while fixture.ring.oldestChunk != nil { fixture.ring.detachOldest() } }
        let next = UInt64(filled)
        for wrong in [next &+ 1, next &+ 100] + (next > 0 ? [0, next - 1] : []) {
          #expect(fixture.claim(64, at: wrong).next == next)
        }
        for size in [64, 1024, 1032, 9000] {
          let sequence = next + UInt64([64, 1024, 1032, 9000].firstIndex(of: size)!)
          let place = try #require(fixture.claim(size, at: sequence).place)
          #expect(place.sequence == sequence && place.byteCount == size)
          fixture.publish(place)
        }
        for chunk in fixture.chunks { #expect(walk(chunk).isRight) }
      }
    }
  }
}
