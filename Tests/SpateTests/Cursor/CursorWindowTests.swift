import Glibc
import Synchronization
import Testing

@testable import Spate

/// How much of a log a cursor far behind holds at a time: a bounded window, not a segment.
@Suite struct CursorWindowTests {
  @Test(arguments: [100, 60_000])
  func aColdCursorHoldsOneWindowAtATime(byteCount: Int) throws {
    let scratch = IOScratch()
    var options = StoreOptions()
    options.memoryBudgetByteCount = 4 << 20
    options.minimalSegmentByteCount = 16 << 20
    options.maximalSegmentByteCount = 16 << 20
    let count = (40 << 20) / byteCount
    do {
      let store = try Store.open(at: scratch.path, options: options)
      let queue = try store.queue(named: "events")
      let payload = [UInt8](repeating: 7, count: byteCount)
      for _ in 0..<count { try queue.append(payload, level: .published) }
      try store.close()
    }
    var maps: MappedBytes?
    let store = try Store.open(at: scratch.path, options: options) { real in
      let counting = FaultyStorage(real)
      maps = counting.mapped
      return counting
    }
    let mapped = try #require(maps)
    var cursor = try store.queue(named: "events").cursor()
    var readCount = 0
    while try cursor.next() != nil { readCount += 1 }
    #expect(readCount == count)
    // All of it was mapped, but never more than two windows: the next one may come before the last is let go.
    #expect(mapped.total > 40 << 20)
    // Each with the header block in front, so that it begins where the kernel maps many pages at once.
    let window = (4 << 20) + 4096
    #expect(mapped.largest <= window)
    #expect(mapped.peak <= 2 * window)
    // A large record may reach into the next window, which then begins with it.
    if byteCount == 100 { #expect(mapped.misaligned == 0) }
    // The tail comes from a copy, and nothing is held there.
    #expect(mapped.current == 0)
    try store.close()
  }

  /// A disk on which the block in front of each whole window cannot be read.
  private final class BadBlocks: ForwardingStorage {
    let base: any Storage
    let refused = Atomic<Int>(0)

    init(_ base: any Storage) { self.base = base }

    func map(_ file: StorageFile, at offset: UInt64, byteCount: Int) throws(SpateError)
      -> UnsafeRawBufferPointer
    {
      if offset % (2 << 20) == 0 {
        refused.add(1, ordering: .relaxed)
        throw .system(EIO, .map)
      }
      return try unsafe base.map(file, at: offset, byteCount: byteCount)
    }
  }

  @Test func aBlockInFrontOfAWindowThatCannotBeReadCostsNoRecord() throws {
    let scratch = IOScratch()
    var options = StoreOptions()
    options.memoryBudgetByteCount = 4 << 20
    options.minimalSegmentByteCount = 16 << 20
    options.maximalSegmentByteCount = 16 << 20
    do {
      let store = try Store.open(at: scratch.path, options: options)
      let queue = try store.queue(named: "events")
      for number in 0..<20_000 { try queue.append(CursorFixture.payload(number, 1000), level: .published) }
      try store.close()
    }
    let (store, disk) = try Store.open(at: scratch.path, options: options, on: BadBlocks.init)
    var cursor = try store.queue(named: "events").cursor()
    let read = try CursorFixture.drain(&cursor, byteCount: 1000)
    #expect(read == Array(0..<20_000))
    #expect(disk.refused.load(ordering: .relaxed) > 0)
    try store.close()
  }
}
