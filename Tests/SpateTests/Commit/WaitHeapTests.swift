import Testing

@testable import Spate

@Suite("Commit: the heap of waiters")
struct WaitHeapTests {
  @Test("Inserts and removals in any order agree with a sorted list", arguments: 1...10)
  func agreesWithModel(seed: UInt64) {
    var random = RingRandom(seed)
    var heap = WaitHeap()
    var model: [Waiter] = []
    for _ in 0..<3000 {
      switch random.next() % 5 {
      case 0, 1, 2:
        let waiter = Waiter()
        waiter.reset(target: random.next() % 200)
        heap.insert(waiter)
        model.append(waiter)
        #expect(waiter.isQueued)
      case 3:
        let lowest = model.map(\.target).min()
        #expect(heap.lowest == lowest)
        let removed = heap.removeLowest()
        #expect(removed?.target == lowest && removed?.isQueued != true)
        model.removeAll { $0 === removed }
      default:
        guard !model.isEmpty else { continue }
        let waiter = model.remove(at: Int(random.next() % UInt64(model.count)))
        heap.remove(waiter)
        #expect(!waiter.isQueued)
        // Twice does nothing.
        heap.remove(waiter)
      }
      #expect(heap.lowest == model.map(\.target).min())
      #expect(heap.isEmpty == model.isEmpty)
    }
    var last: UInt64 = 0
    while let waiter = heap.removeLowest() {
      #expect(waiter.target >= last)
      last = waiter.target
      model.removeAll { $0 === waiter }
    }
    #expect(model.isEmpty)
  }
}
