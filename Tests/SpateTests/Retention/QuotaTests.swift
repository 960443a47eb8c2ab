import Glibc
import Synchronization
import Testing

@testable import Spate

/// What happens when there is no room for another segment: a quota, or the disk itself.
@Suite struct QuotaTests {
  private let payload = [UInt8](repeating: 7, count: 1000)

  /// Appends until that is refused; how many were appended.
  private func fill(_ queue: Queue, from first: Int = 0) throws -> Int {
    var count = first
    while true {
      let payload = CursorFixture.payload(count, 1000)
      switch try unsafe queue.tryAppend(payload.span.bytes) {
      case .appended: count += 1
      case .full: return count
      default: usleep(200)
      }
    }
  }

  @Test func atItsQuotaAQueueIsFullAndGoesOnByItself() throws {
    let fixture = try RetentionFixture(queue: { $0.quotaByteCount = 256 << 10 })
    let queue = fixture.queue
    let cursor = try queue.openCursor("slow")
    let count = try fill(queue)
    try queue.wait(for: UInt64(count - 1))
    #expect(fixture.segmentCount <= 16)
    #expect(queue.statistics.segmentByteCount <= 256 << 10)
    // The quota is used, not just reserved.
    #expect(count > 60)
    let late = failure { try unsafe queue.append(payload.span.bytes, until: .past) }
    #expect(late?.code == .diskFull)
    #expect(late?.sequence == nil)
    #expect(try unsafe queue.tryAppend(payload.span.bytes, policy: .drop) == .dropped)
    // Reading, acknowledging and trimming go on; a producer that waits goes on once there is room.
    #expect(try queue.readAll().count == count)
    let waiting = Atomic<Bool>(false)
    try onThreads(2) { thread in
      if thread == 0 {
        waiting.store(true, ordering: .releasing)
        let sequence = try queue.append([UInt8](repeating: 1, count: 1000))
        #expect(sequence == UInt64(count))
        return
      }
      while !waiting.load(ordering: .acquiring) {}
      usleep(10_000)
      try queue.resetCursorForTest(cursorPlace: 30)
    }
    #expect(cursor.acknowledgedSequence == 30)
    try cursor.acknowledge(through: UInt64(count))
    #expect(RetentionFixture.comes { (try? fill(queue, from: count + 1)) ?? 0 > count + 40 })
    #expect(queue.statistics.segmentByteCount <= 256 << 10)
  }

  @Test func aRefusedBatchIsNotThereAtAll() throws {
    let fixture = try RetentionFixture(queue: { $0.quotaByteCount = 256 << 10 })
    let queue = fixture.queue
    var batch = RecordBatch()
    for number in 0..<5 { try batch.append([UInt8](repeating: UInt8(number), count: 900)) }
    var count = 0
    while true {
      switch try queue.tryAppend(batch) {
      case .appended(let first):
        #expect(first == UInt64(count))
        count += 5
        continue
      case .full: break
      default:
        usleep(200)
        continue
      }
      break
    }
    try queue.wait(for: UInt64(count - 1))
    func check(_ queue: Queue) throws {
      let records = try queue.readAll()
      #expect(records.count == count)
      #expect(records.allSatisfy { $0.payload == [UInt8](repeating: UInt8($0.sequence % 5), count: 900) })
    }
    try check(queue)
    let copy = try StoreCopy(of: fixture.scratch.path)
    try check(try copy.open(fixture.options).queue(named: "events"))
    try queue.trim(before: UInt64(count))
    try queue.append(batch)
  }

  @Test func whatFitsTheActiveSegmentIsNotRefused() throws {
    let fixture = try RetentionFixture {
      $0.minimalSegmentByteCount = 256 << 10
      $0.maximalSegmentByteCount = 256 << 10
      $0.maximalChunkByteCount = 4096
    }
    // From here on no segment can be made any more.
    try fixture.append(0..<1)
    #expect(RetentionFixture.comes { fixture.segmentCount >= 1 })
    fixture.disk.onEachStep { step in
      if case .allocate = step { return ENOSPC }
      return 0
    }
    let count = try fill(fixture.queue, from: 1)
    // The last segment is used to its end.
    let end = fixture.queue.core.ring.claimedEnd.position
    let active = try #require(fixture.queue.core.ring.state.withLock { $0.active?.endPosition })
    #expect(active - min(end, active) < 4096 + 1032)
    try fixture.queue.wait(for: UInt64(count - 1))
    fixture.disk.onEachStep(nil)
    try fixture.append(count..<count + 30)
    #expect(try fixture.queue.readAll().count == count + 30)
  }

  @Test func whereThereIsNoRoomForALargeSegmentASmallerOneIsMade() throws {
    let fixture = try RetentionFixture { $0.maximalSegmentByteCount = 1 << 20 }
    let isRefusing = Atomic<Bool>(false)
    let path = fixture.scratch.path
    // Only files of up to 64 KiB fit: the size is known once the file is written to its end.
    let written = Mutex<[String: Int]>([:])
    fixture.disk.onEachStep { step in
      guard isRefusing.load(ordering: .relaxed), case .write(let file) = step, file.hasSuffix(".preparing")
      else {
        return 0
      }
      var status = stat()
      unsafe stat(path + "/" + file, &status)
      written.withLock { $0[file] = Int(status.st_size) }
      return status.st_size > 64 << 10 ? ENOSPC : 0
    }
    isRefusing.store(true, ordering: .relaxed)
    try fixture.append(0..<600)
    #expect(fixture.queue.core.catalog.segments.allSatisfy { $0.byteCount <= 64 << 10 })
    #expect(written.withLock { $0.values.contains { $0 > 64 << 10 } })
    #expect(try fixture.queue.readAll().count == 600)
  }

  @Test func aStoreHasAQuotaOverAllItsQueues() throws {
    let fixture = try RetentionFixture(configure: { $0.quotaByteCount = 400 << 10 })
    let other = try fixture.store.queue(named: "other")
    let third = try fixture.store.queue(named: "third")
    try third.appendBlocking([1])
    _ = try fixture.queue.openCursor("slow")
    let count = try fill(fixture.queue)
    #expect(fixture.store.statistics.segmentByteCount <= 400 << 10)
    #expect(fixture.store.statistics.segmentByteCount > 350 << 10)
    // Nothing is left for another queue.
    let refused = failure { try unsafe other.append(payload.span.bytes, until: .now + .milliseconds(50)) }
    #expect(refused?.code == .diskFull)
    try fixture.queue.wait(for: UInt64(count - 1))
    // What other queues have is known when the store is opened, before they are.
    try fixture.store.close()
    let (store, _) = try RetentionFixture.open(fixture.scratch.path, fixture.options)
    defer { try? store.close() }
    let again = try store.queue(named: "other")
    #expect(
      failure { try unsafe again.append(payload.span.bytes, until: .now + .milliseconds(50)) }?.code
        == .diskFull
    )
    // A drop makes room, and the append that waits goes on by itself.
    try onThreads(2) { thread in
      if thread == 0 { try again.append([1]) } else { try store.drop(queueNamed: "events") }
    }
    #expect(try again.readAll().count == 1)
  }

  @Test func aFullDiskIsHelpedByTheReserve() throws {
    let fixture = try RetentionFixture()
    let cursor = try fixture.queue.openCursor("slow")
    try fixture.append(0..<40)
    #expect(fixture.scratch.names.contains(StoreReserve.name))
    // Whoever makes or extends a file meets a full disk until the reserve is gone.
    let path = fixture.scratch.path
    fixture.disk.onEachStep { step in
      switch step {
      case .make, .allocate:
        let isHelped = unsafe access(path + "/" + StoreReserve.name, F_OK) != 0
        return isHelped ? 0 : ENOSPC
      default: return 0
      }
    }
    try cursor.acknowledge(through: 39, waitingFor: .durable)
    #expect(RetentionFixture.comes { fixture.queue.statistics.firstSequence > 20 })
    fixture.disk.onEachStep(nil)
    try fixture.append(40..<60)
    try fixture.reopen()
    #expect(fixture.scratch.names.contains(StoreReserve.name))
    #expect(fixture.queue.namedCursors.map(\.acknowledgedSequence) == [40])
  }

  @Test(.enabled(if: SmallDisk.refusal == nil, "a file system must be mounted, which is not allowed here"))
  func onARealFullDiskNothingIsLostAndThingsGoOn() throws {
    let disk = try SmallDisk(byteCount: 3 << 20)
    var options = StoreOptions()
    options.memoryBudgetByteCount = 4 << 20
    options.minimalSegmentByteCount = 64 << 10
    options.maximalSegmentByteCount = 1 << 20
    var store = try Store.open(at: disk.path, options: options)
    var queue = try store.queue(named: "events")
    var count = 0
    for round in 0..<4 {
      let cursor = try queue.openCursor("slow")
      count = try fill(queue, from: count)
      // Whoever else fills the rest of the disk: not a block is left.
      let filler = try Filler(disk.path)
      count = try fill(queue, from: count)
      #expect(failure { try unsafe queue.append(payload.span.bytes, until: .past) }?.code == .diskFull)
      try queue.wait(for: UInt64(count - 1))
      #expect(try queue.readAll().last?.sequence == UInt64(count - 1))
      // Places are saved, segments trimmed, and appends go on, although the rest stays full.
      try cursor.acknowledge(through: UInt64(count - 1), waitingFor: .durable)
      #expect(RetentionFixture.comes { queue.core.catalog.count == 1 })
      try queue.append(CursorFixture.payload(count, 1000))
      count += 1
      _ = consume filler
      _ = consume cursor
      if round % 2 == 1 {
        try store.close()
        store = try Store.open(at: disk.path, options: options)
        queue = try store.queue(named: "events")
      }
      #expect(queue.namedCursors.map(\.acknowledgedSequence) == [UInt64(count - 1)])
      #expect(try queue.delivered(to: "slow") == [UInt64(count - 1)])
    }
    try store.close()
  }
}

extension Queue {
  /// Moves the place of the cursor "slow" while the test holds it.
  fileprivate func resetCursorForTest(cursorPlace sequence: UInt64) throws {
    let place = try core.named.place(Array("slow".utf8))
    if place.raise(to: sequence) { try core.named.note(place) }
  }
}
