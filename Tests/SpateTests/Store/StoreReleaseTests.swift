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
}
