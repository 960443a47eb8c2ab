import Testing

@testable import Spate

/// Queues whose records rest in the page cache until their sync is due.
@Suite struct WriteBehindTests {
  private static func open(_ scratch: IOScratch, interval: UInt64?, _ way: IOWay) throws -> (Store, Queue) {
    var options = StoreOptions()
    options.ioStrategy = way.strategy
    options.fileMode = way.mode
    // More than is zeroed ahead.
    options.minimalSegmentByteCount = 8 << 20
    options.maximalSegmentByteCount = 8 << 20
    var queueOptions = QueueOptions()
    queueOptions.syncIntervalNanoseconds = interval
    let store = try Store.open(at: scratch.path, options: options)
    return (store, try store.queue(named: "events", options: queueOptions))
  }

  /// Appends small records until the log is `byteCount` long, each written before the next. Returns the sizes of their writes.
  private static func writes(_ store: Store, _ queue: Queue, byteCount: Int) throws -> [UInt64] {
    var sizes: [UInt64] = []
    var before = store.statistics.writtenByteCount
    for number in 0..<byteCount / 1024 {
      try queue.append(CursorFixture.payload(number, 1000), level: .written)
      let now = store.statistics.writtenByteCount
      sizes.append(now - before)
      before = now
    }
    return sizes
  }

  private static let hour: UInt64 = 3_600_000_000_000

  @Test(arguments: IOWay.all.filter { $0.mode == .buffered })
  func aSmallWriteIntoNewBlocksBringsThoseBehindIt(way: IOWay) throws {
    let scratch = IOScratch()
    let (store, queue) = try Self.open(scratch, interval: Self.hour, way)
    let piece = UInt64(QueueWriter.freshPieceByteCount)
    let sizes = try Self.writes(store, queue, byteCount: 4 << 20)
    // The first MiB was zeroed when the file was made. Each of the twelve pieces behind it is brought by one write.
    let large = sizes.filter { $0 > 64 << 10 }
    #expect((11...13).contains(large.count))
    #expect(large.allSatisfy { $0 <= piece + 8192 })
    // All others write what there is: the blocks that the record is in.
    #expect(sizes.filter { $0 <= 64 << 10 }.allSatisfy { $0 <= 12 << 10 })
    #expect(store.statistics.syncCount <= 1)
    try queue.wait(for: UInt64(sizes.count - 1))
    let records = try queue.readAll()
    #expect(records.count == sizes.count)
    for (number, record) in records.enumerated() {
      #expect(record.payload == CursorFixture.payload(number, 1000))
    }
    try store.close()
    let again = try Store.open(at: scratch.path)
    #expect(try again.queue(named: "events").readAll().count == sizes.count)
    try again.close()
  }

  /// A batch of records, `byteCount` bytes in all, so that they are written in one go.
  private static func batch(byteCount: Int) throws -> RecordBatch {
    var batch = RecordBatch()
    for number in 0..<byteCount / 4096 { try batch.append(CursorFixture.payload(number, 4096)) }
    return batch
  }

  /// What one write brings is one folio in the page cache, and small writes into large folios are slow.
  @Test(arguments: IOWay.all.filter { $0.mode == .buffered })
  func noWriteIntoThePageCacheIsLargerThanAPiece(way: IOWay) throws {
    let scratch = IOScratch()
    let (store, queue) = try Self.open(scratch, interval: nil, way)
    let byteCount = 3 << 20
    try queue.append(Self.batch(byteCount: byteCount))
    #expect(store.statistics.writeCount >= UInt64(byteCount / QueueWriter.cachedExtentByteCount))
    try store.close()
  }

  /// Where each commit is a sync, zeros would only be synced twice; direct writes have no page cache to fill.
  @Test(arguments: [(nil, FileMode.buffered), (hour, .direct)])
  func onlyWhereThePageCacheIsAllThatAWriteMustReach(interval: UInt64?, mode: FileMode) throws {
    let scratch = IOScratch()
    let (store, queue) = try Self.open(scratch, interval: interval, IOWay(strategy: .systemCalls, mode: mode))
    let before = store.statistics.writtenByteCount
    let byteCount = (3 << 20) - (100 << 10)
    try queue.append(Self.batch(byteCount: byteCount))
    let written = Int(store.statistics.writtenByteCount - before)
    #expect((byteCount...byteCount + (96 << 10)).contains(written))
    try store.close()
  }
}
