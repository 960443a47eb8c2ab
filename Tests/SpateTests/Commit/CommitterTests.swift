import Glibc
import Testing

@testable import Spate

@Suite("Commit: the committer, step by step")
struct CommitterTests {
  /// Enough for several writes at a time: ten chunks each.
  private func fill(_ bench: CommitBench, _ chunks: Int = 40, queue: Int = 0) throws {
    for _ in 0..<(chunks * 4) { #expect(try bench.append(940, to: queue)) }
  }

  @Test("A small group alone is one durable write and nothing else; the next, too")
  func lightPath() throws {
    let bench = try CommitBench()
    for count in UInt64(1)...20 {
      try bench.append(100)
      bench.round()
      #expect(bench.durable() == count)
      #expect(bench.storage.state.withLock { $0.lightWriteCount } == Int(count))
      try bench.checkPowerCut()
    }
    #expect(bench.disk.submittedWrites == 0 && bench.disk.submittedSyncs == 0)
  }

  @Test("While writes are in flight or unsynced nothing is a durable write of its own")
  func lightPathIsRefused() throws {
    let bench = try CommitBench()
    try fill(bench)
    bench.round()
    let before = bench.storage.state.withLock { $0.lightWriteCount }
    #expect(bench.disk.pendingWriteIndices.count == 4)
    while bench.writer().inFlight.count > 0 || bench.writer().hasUnsynced || bench.writer().hasUnsubmitted {
      try bench.append(8)
      bench.round()
      let isClean = bench.writer().durable == bench.writer().written && bench.writer().inFlight.isEmpty
      #expect(bench.disk.pending.allSatisfy { $0.isSync || !$0.isDurable } || isClean)
      if !bench.disk.pending.isEmpty { bench.disk.complete(0) }
      if bench.writer().drained.sequence > 400 { break }
    }
    bench.settle()
    #expect(bench.durable() == UInt64(bench.payloads[0].count))
    #expect(before == 0)
    try bench.checkPowerCut()
  }

  @Test("Blocks that were written but end inside a frame keep the next write from being its own sync")
  func unmarkedBlocks() throws {
    let bench = try CommitBench(queueCount: 2, maximalChunk: 16 << 10)
    try bench.append(100, to: 1)
    try bench.append(100)
    bench.core().ring.closeNewest()
    bench.round()
    // Behind the write in flight a whole block travels, and its rest waits.
    for _ in 0..<5 { try bench.append(1000) }
    bench.round()
    #expect(bench.disk.pendingWriteIndices.count == 3)
    while !bench.disk.pending.isEmpty {
      let isLastOfFirst = bench.writer().inFlight.isEmpty && bench.writer().syncSlot == nil
      if isLastOfFirst { break }
      bench.disk.complete(0)
      bench.engine.committer.round()
      try bench.checkPowerCut()
    }
    bench.settle()
    #expect(bench.durable() == 6)
    try bench.checkPowerCut()
  }

  @Test(
    "With a roll pending the new segment waits for the old one's sync, and is not written by a light write"
  )
  func rollsWait() throws {
    let bench = try CommitBench(segmentByteCount: 64 << 10)
    try fill(bench, 10)
    bench.settle()
    let settled = bench.durable()
    // Closed to its end, so that nothing of the old segment waits for a write in flight.
    while bench.core().ring.state.withLock({ $0.begun.isEmpty }) { try bench.append(940) }
    bench.core().ring.closeNewest()
    bench.round()
    #expect(bench.writer().segments.count == 2)
    #expect(bench.disk.pending.allSatisfy { $0.isSync || !$0.isDurable })
    let base = bench.writer().segments[1].segment.base
    // The new segment's write completes first: it counts for nothing yet.
    let last = try #require(bench.disk.pendingWriteIndices.last)
    #expect(bench.disk.pending[last].path != bench.disk.pending[bench.disk.pendingWriteIndices[0]].path)
    bench.disk.complete(last)
    bench.round()
    #expect(bench.durable() == settled)
    while let index = bench.disk.pendingWriteIndices.first {
      bench.disk.complete(index)
      bench.round()
    }
    #expect(bench.writer().written.position > base.position)
    bench.disk.completeSync()
    bench.round()
    #expect(bench.writer().durable.position <= base.position)
    try bench.checkPowerCut()
    bench.settle()
    #expect(bench.durable() == UInt64(bench.payloads[0].count))
    try bench.checkPowerCut()
  }

  @Test(
    "Each segment's index holds its own chunks, also when producers rolled again before the committer came"
  )
  func footers() throws {
    let bench = try CommitBench(segmentByteCount: 64 << 10)
    for _ in 0..<150 { try bench.append(940) }
    bench.round()
    let segments = bench.writer().segments
    #expect(segments.count >= 3)
    for (index, segment) in segments.enumerated() {
      let end = index + 1 < segments.count ? segments[index + 1].segment.base.position : UInt64.max
      #expect(segment.footer.entries.first?.position == segment.segment.base.position)
      #expect(segment.footer.entries.allSatisfy { $0.position < end })
    }
    bench.settle()
    #expect(bench.durable() == 150)
    try bench.checkPowerCut()
  }

  @Test(
    "A chunk that is full to its last byte and closed between drain and reclaim is not taken away under the drain"
  )
  func closedAtTheDurableEnd() throws {
    let bench = try CommitBench()
    try bench.append(100)
    bench.settle()
    let chunk = try #require(bench.core().ring.oldestChunk)
    var left = Int(chunk.basePosition) + chunk.capacity - Int(bench.writer().drained.position)
    var count: UInt64 = 1
    while left > 0 {
      // Frames that share the chunk, the last of which ends with it.
      let frame = left > 2000 ? 1000 : left > 1000 ? left / 16 * 8 : left
      try bench.append(frame - FrameHeader.byteCount)
      left -= frame
      count += 1
    }
    bench.settle()
    #expect(chunk == bench.core().ring.oldestChunk && chunk.endPosition == nil)
    #expect(bench.writer().durable.position == chunk.basePosition + UInt64(chunk.capacity))
    bench.core().ring.closeNewest()
    bench.writer().reclaim(keepingAtMost: 0)
    for _ in 0..<20 {
      try bench.append(100)
      bench.round()
    }
    bench.settle()
    #expect(bench.durable() == count + 20)
    try bench.checkPowerCut()
  }

  @Test("Writes that complete out of order are credited in order")
  func outOfOrder() throws {
    for order in [[3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]] {
      let bench = try CommitBench()
      try fill(bench)
      bench.round()
      var tokens = bench.disk.pending.map(\.token)
      #expect(tokens.count == 4)
      let ends = bench.writer().inFlight.map { bench.engine.committer.slots[$0].end }
      var isDone = [false, false, false, false]
      for index in order {
        let token = tokens[index]
        bench.disk.complete(bench.disk.pending.firstIndex { $0.token == token && !$0.isSync }!)
        isDone[index] = true
        // The round that takes the completion may submit more; only the order counts here.
        bench.round()
        let contiguous = isDone.prefix { $0 }.count
        let written = bench.writer().written.position
        if contiguous > 0 { #expect(written >= ends[contiguous - 1]) }
        if contiguous < 4 { #expect(written < ends[contiguous]) }
        try bench.checkPowerCut()
      }
      tokens.removeAll()
      bench.settle()
      #expect(bench.durable() == UInt64(bench.payloads[0].count))
    }
  }

  @Test("A sync is credited with what was written when it was submitted, not with what completed meanwhile")
  func syncsCoverWhatCompletedBefore() throws {
    let bench = try CommitBench()
    try fill(bench)
    bench.round()
    bench.disk.complete(0)
    bench.round()
    let first = bench.writer().written
    #expect(first.sequence > 0 && bench.disk.pending.contains { $0.isSync })
    bench.disk.complete(bench.disk.pendingWriteIndices[0])
    bench.disk.complete(bench.disk.pendingWriteIndices[0])
    bench.round()
    #expect(bench.writer().written.position > first.position)
    bench.disk.completeSync()
    bench.round()
    #expect(bench.writer().durable == first && bench.durable() == first.sequence)
    try bench.checkPowerCut()
  }

  @Test("The partial block at the tail travels as a copy and is not written again while it is in flight")
  func tailBlock() throws {
    let bench = try CommitBench(queueCount: 2)
    // Two queues: their small groups travel by the queue, where they can be held.
    for _ in 0..<50 {
      try bench.append(100, to: 0)
      try bench.append(100, to: 1)
      bench.round()
      #expect(bench.disk.pendingWriteIndices.count == 2)
      for _ in 0..<3 {
        try bench.append(60, to: 0)
        try bench.append(60, to: 1)
        bench.round()
      }
      while let index = bench.disk.pendingWriteIndices.last {
        bench.disk.complete(index)
        try bench.checkPowerCut()
        bench.round()
        try bench.checkPowerCut()
        if bench.disk.pendingWriteIndices.count <= 1 { break }
      }
      bench.settle()
      #expect(bench.durable(0) == UInt64(bench.payloads[0].count))
      #expect(bench.durable(1) == UInt64(bench.payloads[1].count))
    }
    #expect(!bench.hasLeaked)
  }

  @Test(
    "A group that ends exactly with a block is credited, also when it was written behind another",
    arguments: [false, true]
  )
  func alignedEnd(isBehind: Bool) throws {
    let bench = try CommitBench(queueCount: 2, maximalChunk: 16 << 10)
    if isBehind {
      try bench.append(100, to: 1)
      try bench.append(100)
      bench.core().ring.closeNewest()
      bench.round()
      #expect(bench.disk.pendingWriteIndices.count == 2)
    }
    try bench.append(8)
    let goal = Format.alignUp(bench.core().ring.claimedEnd.position, to: 4096)
    while bench.core().ring.claimedEnd.position < goal {
      let left = Int(goal - bench.core().ring.claimedEnd.position)
      try bench.append(left > 1064 ? 1000 : left - 32)
    }
    #expect(bench.core().ring.claimedEnd.position == goal)
    bench.settle()
    #expect(bench.durable() == UInt64(bench.payloads[0].count))
    try bench.checkPowerCut()
  }

  @Test("Every length of the last group becomes durable without another append", arguments: [0, 1])
  func nothingIsLeftBehind(other: Int) throws {
    let bench = try CommitBench(queueCount: 2)
    for size in stride(from: 0, through: 992, by: 8) {
      // Some bytes in flight first, so that what follows is gathered behind them.
      try fill(bench, 4)
      if other == 1 { try bench.append(64, to: 1) }
      bench.round()
      try bench.append(size)
      bench.round()
      try bench.append(40)
      bench.settle()
      #expect(bench.durable() == UInt64(bench.payloads[0].count))
    }
    try bench.checkPowerCut()
  }

  @Test("A failed sync fails every queue with uncredited writes, no other, and no mark moves again")
  func failedSync() async throws {
    let bench = try CommitBench(queueCount: 3)
    for queue in 0..<3 { try bench.append(100, to: queue) }
    bench.settle()
    try fill(bench, 40, queue: 0)
    try fill(bench, 40, queue: 1)
    bench.round()
    bench.disk.complete(bench.disk.pendingWriteIndices[0])
    bench.round()
    bench.disk.completeSync(error: EIO)
    bench.round()
    #expect(bench.core(0).watermarks.failure?.code == .syncFailed)
    #expect(bench.core(1).watermarks.failure?.code == .syncFailed)
    #expect(bench.core(2).watermarks.failure == nil)
    for queue in 0..<2 {
      #expect(throws: SpateError.self) { _ = try bench.append(10, to: queue) }
      await #expect(throws: SpateError.self) { try await bench.queues[queue].wait(for: 100) }
      try await bench.queues[queue].wait(for: 0)
    }
    while !bench.disk.pending.isEmpty {
      bench.disk.complete(0)
      bench.round()
    }
    #expect(bench.durable(0) == 1 && bench.durable(1) == 1)
    try bench.append(100, to: 2)
    bench.settle()
    #expect(bench.durable(2) == 2)
    try bench.checkPowerCut()
  }

  @Test("A durable write that fails is a failed sync", arguments: [false, true])
  func failedDurableWrite(isInline: Bool) throws {
    let bench = try CommitBench(queueCount: 2)
    try bench.append(100, to: 0)
    if isInline {
      bench.storage.state.withLock { $0.lightError = SpateError(.ioFailed, "broken", systemErrorNumber: EIO) }
      bench.round()
    } else {
      try fill(bench, 40, queue: 1)
      bench.round()
      let index = try #require(bench.disk.pending.firstIndex { $0.isDurable && !$0.isSync })
      bench.disk.complete(index, error: EIO)
      bench.round()
      // The other queue has writes in flight.
      #expect(bench.core(1).watermarks.failure != nil)
    }
    #expect(bench.core(0).watermarks.failure != nil)
    #expect(bench.durable(0) == 0)
  }

  @Test("A write that meets a full disk is never credited, appends get full, and both go on by themselves")
  func fullDisk() throws {
    let bench = try CommitBench()
    try bench.append(10)
    bench.settle()
    try fill(bench)
    bench.round()
    // The second of four fails first; the first one is slow.
    bench.disk.complete(bench.disk.pendingWriteIndices[1], error: ENOSPC)
    bench.round()
    #expect(bench.writer().retryNanoseconds != 0)
    guard case .full = try unsafe bench.queues[0].tryAppend([1, 2, 3].span.bytes) else {
      Issue.record("the disk is full")
      return
    }
    // The time to try again comes before the slow write ends.
    bench.writer().retryNanoseconds = 1
    bench.round()
    for _ in 0..<3 {
      bench.disk.complete(bench.disk.pendingWriteIndices.last!)
      bench.round()
      try bench.checkPowerCut()
    }
    #expect(bench.durable() == 1)
    for _ in 0..<3 {
      bench.writer().retryNanoseconds = min(bench.writer().retryNanoseconds, 1)
      bench.round()
      bench.disk.complete(bench.disk.pendingWriteIndices[0], error: ENOSPC)
      while let index = bench.disk.pendingWriteIndices.first {
        bench.disk.complete(index)
        bench.round()
      }
      bench.round()
      try bench.checkPowerCut()
    }
    bench.writer().retryNanoseconds = min(bench.writer().retryNanoseconds, 1)
    bench.settle()
    #expect(bench.durable() == UInt64(bench.payloads[0].count))
    #expect(try bench.append(10), "the disk has room again")
    bench.settle()
    try bench.checkPowerCut()
  }

  @Test("A full disk at the very first write of a segment writes its header again")
  func fullDiskAtHeader() throws {
    for isInline in [true, false] {
      let bench = try CommitBench()
      if isInline {
        bench.storage.state.withLock { $0.lightError = SpateError(.diskFull, "full") }
        try bench.append(10)
        bench.round()
        bench.storage.state.withLock { $0.lightError = nil }
      } else {
        try fill(bench)
        bench.round()
        bench.disk.complete(0, error: ENOSPC)
      }
      while let index = bench.disk.pendingWriteIndices.last { bench.disk.complete(index) }
      bench.round()
      bench.writer().retryNanoseconds = min(bench.writer().retryNanoseconds, 1)
      bench.settle()
      #expect(bench.durable() == UInt64(bench.payloads[0].count))
      try bench.checkPowerCut()
    }
  }

  @Test(
    "A claim past its deadline is an abandoned frame on disk, in every write of its blocks; a late publish is told"
  )
  func expiredClaims() throws {
    for claimByteCount in [8, 100, 900, 5000] {
      for ahead in [0, 1, 3, 100, 3900 / 8] {
        let bench = try CommitBench(claimDeadline: 0)
        for _ in 0..<ahead { try bench.append(8) }
        guard let claim = try bench.claim(claimByteCount) else {
          Issue.record("no room")
          return
        }
        try bench.append(50)
        for _ in 0..<4 { bench.round() }
        bench.settle()
        #expect(bench.durable() == UInt64(bench.payloads[0].count))
        try bench.checkPowerCut()
        // The tail block is written again, with the claim's frame in it.
        for _ in 0..<12 {
          try bench.append(16)
          bench.settle()
          #expect(bench.durable() == UInt64(bench.payloads[0].count))
          try bench.checkPowerCut()
        }
        #expect(publishError(of: claim) == .expired)
        for _ in 0..<100 { try bench.append(200) }
        bench.settle()
        try bench.checkPowerCut()
        #expect(!bench.hasLeaked)
        #expect(bench.queues[0].statistics.expiredClaimCount == 1)
      }
    }
  }

  @Test("The header of an expired claim that stands across two writes is one frame", arguments: [8, 16, 24])
  func expiredHeaderAcrossWrites(inFirstBlock: Int) throws {
    let bench = try CommitBench(queueCount: 2, maximalChunk: 16 << 10, claimDeadline: 0)
    try bench.append(100, to: 1)
    try bench.append(100)
    bench.core().ring.closeNewest()
    bench.round()
    #expect(bench.disk.pendingWriteIndices.count == 2)
    let base = bench.core().ring.claimedEnd.position
    let goal = base + 4096 - UInt64(inFirstBlock)
    try bench.append(8)
    while bench.core().ring.claimedEnd.position < goal {
      let left = Int(goal - bench.core().ring.claimedEnd.position)
      try bench.append(left > 1064 ? 1000 : left - 32)
    }
    guard let claim = try bench.claim(100) else {
      Issue.record("no room")
      return
    }
    #expect(bench.core().ring.claimedEnd.position == goal + 32 + 104)
    try bench.append(8)
    for _ in 0..<3 { bench.round() }
    // The first block travels behind the write in flight, the tail waits for it.
    #expect(bench.disk.pendingWriteIndices.count == 3)
    bench.engine.clock.advance(to: bench.engine.clock.now + 1_000_000)
    bench.settle()
    #expect(bench.durable() == UInt64(bench.payloads[0].count))
    try bench.checkPowerCut()
    #expect(publishError(of: claim) == .expired)
  }

  private func publishError(of claim: consuming Claim) -> SpateError.Code? {
    do throws(SpateError) {
      try claim.publish(level: .published)
      return nil
    } catch {
      return error.code
    }
  }

  @Test("Queues that always have something to write do not keep another one from its turn")
  func fairness() throws {
    let bench = try CommitBench(queueCount: 4, segmentByteCount: 4 << 20, budget: 32 << 20)
    // Nine writes of nearly 1 MiB are all that may be in flight; each that ends makes room for one more.
    func feed() throws {
      for queue in 0..<3 {
        while bench.writer(queue).drained.position - bench.writer(queue).submitted < 2 << 20 {
          #expect(try bench.append(1000 << 10, to: queue))
          _ = bench.writer(queue).drain()
        }
      }
    }
    for _ in 0..<3 {
      try feed()
      bench.round()
    }
    #expect(bench.engine.committer.inFlightByteCount >= Committer.inFlightByteLimit)
    try bench.append(100, to: 3)
    for _ in 0..<12 where bench.durable(3) < 1 {
      try feed()
      bench.round()
      bench.disk.complete(
        bench.disk.pendingWriteIndices.last { bench.disk.pending[$0].bytes.count < 100_000 } ?? 0
      )
    }
    bench.round()
    #expect(bench.durable(3) == 1)
  }

  @Test("A committer that cannot submit fails its queues and says so")
  func submitFails() throws {
    let bench = try CommitBench()
    try fill(bench)
    bench.disk.submitError = EBADF
    bench.round()
    #expect(bench.core().watermarks.failure?.code == .ioFailed)
    #expect(throws: SpateError.self) { _ = try bench.append(1) }
  }

  @Test(
    "Waiters are woken when what they wait for is durable, in whatever order it completes",
    .timeLimit(.minutes(15))
  )
  func waiters() async throws {
    let bench = try CommitBench()
    try fill(bench)
    let queue = bench.queues[0]
    let waiting = (0..<40).map { index in
      Task { () -> Bool in
        let sequence = UInt64(index * 4)
        do {
          try await queue.wait(for: sequence, level: index % 2 == 0 ? .durable : .written)
        } catch {
          return false
        }
        let reached = index % 2 == 0 ? queue.durableSequence : queue.core.watermarks.writtenSequence
        return reached > sequence
      }
    }
    var random = RingRandom(3)
    while bench.durable() < UInt64(bench.payloads[0].count) {
      bench.round()
      if !bench.disk.pending.isEmpty {
        bench.disk.complete(Int(random.next() % UInt64(bench.disk.pending.count)))
      }
      await Task.yield()
    }
    bench.round()
    for task in waiting { #expect(await task.value) }
  }

  @Test(
    "Any order of appends, claims, completions and full disks: a power cut at any step loses nothing durable",
    arguments: 1...24
  )
  func anything(seed: UInt64) throws {
    var random = RingRandom(seed)
    let queueCount = 1 + Int(seed % 3)
    let expires = seed % 4 == 0
    let bench = try CommitBench(
      queueCount: queueCount,
      segmentByteCount: seed % 2 == 0 ? 64 << 10 : 256 << 10,
      maximalChunk: seed % 3 == 0 ? 16 << 10 : 4096,
      claimDeadline: expires ? 0 : 1 << 60
    )
    let burst = seed % 5 == 0 ? 60 : 12
    for step in 0..<500 {
      let queue = Int(random.next() % UInt64(queueCount))
      switch random.next() % 12 {
      case 0, 1, 2:
        for _ in 0..<(1 + random.next() % UInt64(burst)) {
          let size = random.next() % 30 == 0 ? 1000 + random.next() % 9000 : random.next() % 980
          guard try bench.append(Int(size), to: queue) else { break }
        }
      case 3 where expires:
        if let claim = try bench.claim(Int(random.next() % 600), to: queue) {
          bench.round()
          if random.next() % 2 == 0 { for _ in 0..<3 { bench.round() } }
          claim.abandon()
        }
      case 4, 5, 6, 7: bench.round()
      case 8 where !bench.disk.pendingWriteIndices.isEmpty && random.next() % 4 == 0:
        let indices = bench.disk.pendingWriteIndices
        bench.disk.complete(indices[Int(random.next() % UInt64(indices.count))], error: ENOSPC)
      default:
        if !bench.disk.pending.isEmpty {
          bench.disk.complete(Int(random.next() % UInt64(bench.disk.pending.count)))
        }
      }
      for index in 0..<queueCount where bench.writer(index).retryNanoseconds != 0 && random.next() % 4 == 0 {
        bench.writer(index).retryNanoseconds = 1
      }
      if step % 7 == 0 {
        let share = random.next() % 3
        try bench.checkPowerCut { share == 2 || (share == 1 && random.next() % 2 == 0) }
      }
    }
    for _ in 0..<20 {
      for index in 0..<queueCount where bench.writer(index).retryNanoseconds != 0 {
        bench.writer(index).retryNanoseconds = 1
      }
      bench.settle()
    }
    for index in 0..<queueCount {
      #expect(bench.durable(index) == UInt64(bench.payloads[index].count))
      #expect(bench.writer(index).isSettled)
    }
    try bench.checkPowerCut()
    #expect(!bench.hasLeaked)
  }
}
