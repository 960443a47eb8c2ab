/// Those who wait for a watermark, ordered by what they wait for: a binary heap.
struct WaitHeap {
  private var items: [Waiter] = []

  /// The lowest target, or nil when nobody waits.
  var lowest: UInt64? { items.first?.target }

  var isEmpty: Bool { items.isEmpty }

  /// - Complexity: O(log n)
  mutating func insert(_ waiter: Waiter) {
    waiter.isQueued = true
    items.append(waiter)
    rise(from: items.count - 1)
  }

  /// Takes the waiter with the lowest target out.
  mutating func removeLowest() -> Waiter? {
    guard let first = items.first else { return nil }
    remove(at: 0)
    return first
  }

  /// Takes one waiter out, wherever it stands. O(n): for deadlines and cancellation only.
  mutating func remove(_ waiter: Waiter) {
    guard let index = items.firstIndex(where: { $0 === waiter }) else { return }
    remove(at: index)
  }

  private mutating func remove(at index: Int) {
    items[index].isQueued = false
    let last = items.removeLast()
    guard index < items.count else { return }
    items[index] = last
    sink(from: index)
    rise(from: index)
  }

  private mutating func rise(from start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 2
      guard items[index].target < items[parent].target else { return }
      items.swapAt(index, parent)
      index = parent
    }
  }

  private mutating func sink(from start: Int) {
    var index = start
    while true {
      var child = 2 * index + 1
      guard child < items.count else { return }
      if child + 1 < items.count, items[child + 1].target < items[child].target { child += 1 }
      guard items[child].target < items[index].target else { return }
      items.swapAt(index, child)
      index = child
    }
  }
}
