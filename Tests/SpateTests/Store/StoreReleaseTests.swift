import Testing

@testable import Spate

/// Nothing of a closed store stays in memory.
@Suite struct StoreReleaseTests {
  @Test func aClosedStoreIsGivenUpAlthoughAQueueWaitedForMemory() throws {
    let scratch = IOScratch()
    weak var engine: Engine?
    do {
      let store = try Store.open(at: scratch.path)
      engine = store.engine
      let queue = try store.queue(named: "events")
      let pool = store.engine.pool
      let buffer = pool.allocate(byteCount: pool.budget * 2, isSmallHolder: false, waiter: queue.core)
      #expect(buffer == nil)
      try store.close()
    }
    #expect(engine == nil)
  }

  @Test func aClosedStoreIsGivenUpAlthoughItsDiskWasFull() throws {
    let scratch = IOScratch()
    var options = StoreOptions()
    options.quotaByteCount = 512 << 10
    options.maximalSegmentByteCount = 64 << 10
    weak var engine: Engine?
    do {
      let store = try Store.open(at: scratch.path, options: options)
      engine = store.engine
      let queue = try store.queue(named: "events")
      let payload = [UInt8](repeating: 1, count: 1000)
      while try unsafe queue.tryAppend(payload.span.bytes) != .full {}
      try store.close()
      // What comes after the end is for nobody either.
      store.engine.housekeeper.request(.prepare(queue.core, byteCount: 65536, atLeast: 65536))
      store.engine.housekeeper.schedule(queue.core, after: 0)
    }
    #expect(engine == nil)
  }
}
