import Testing

@testable import Spate

/// What chunk frames say on the disk: an opening after a kill scans from what the last of them names.
@Suite struct ChunkFrameTests {
  /// The chunk frames of a queue's log, block by block.
  private func chunkFrames(of queue: Queue) throws -> [ChunkFrame] {
    let core = queue.core
    return try core.catalog.segments.flatMap { segment in
      let file = try SegmentFile(storage: core.engine.storage, path: segment.path)
      let search = ChunkSearch(file: file, segment: segment, limit: segment.limitPosition)
      return search.chunks(from: segment.basePosition, before: segment.limitPosition)
    }
  }

  @Test(arguments: IOWay.all)
  func aChunkThatWaitedForTheDiskNamesWhatBecameDurableMeanwhile(way: IOWay) throws {
    let fixture = try StoreFixture(way)
    let queue = try fixture.store.queue(named: "events")
    // One write is on its way, and behind it many chunks are opened while nothing is durable.
    fixture.disk.stall()
    try queue.append(CursorFixture.payload(0, 1000), level: .published)
    fixture.disk.waitUntilHeld()
    for number in 1..<2000 { try queue.append(CursorFixture.payload(number, 1000), level: .published) }
    #expect(queue.durableSequence == 0)
    fixture.disk.resume()
    try queue.wait(for: 1999)

    let frames = try chunkFrames(of: queue)
    #expect(frames.count > 2)
    #expect(frames.dropFirst().allSatisfy { $0.durableSequence >= 1 && $0.durablePosition > 0 })
    #expect(frames.allSatisfy { $0.isConsistent })
    // Each is whole: the log reads the same from the disk.
    try fixture.reopen()
    #expect(try fixture.store.queue(named: "events").readAll().count == 2000)
  }
}
