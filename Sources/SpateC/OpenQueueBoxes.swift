import CSpateInterface
import Spate

/// The open handles of a store's queues: one a queue and fencing epoch. With the lock of the store's box.
struct OpenQueueBoxes {
  private var boxes: [String: [QueueBox]] = [:]

  /// The handle of a queue that is told of: that of the newest epoch.
  func newest(of queue: Queue) -> QueueBox? {
    var found: QueueBox?
    for box in boxes[queue.name] ?? [] where box.queue.isSame(as: queue) {
      if box.queue.fence >= found?.queue.fence ?? 0 { found = box }
    }
    return found
  }

  /// The handle of a queue for its epoch, opened once more, or a new one.
  mutating func open(
    _ queue: Queue,
    of store: StoreBox,
    tag: UnsafeMutableRawPointer?
  ) throws(SpateError) -> QueueBox {
    // Not the one that was dropped meanwhile.
    if let known = boxes[queue.name]?.first(where: {
      $0.queue.isSame(as: queue) && $0.queue.fence == queue.fence
    }) {
      known.openCount += 1
      unsafe known.tag = tag
      return known
    }
    let made = unsafe QueueBox(queue, of: store, tag: tag)
    let fast = unsafe Unmanaged.passUnretained(queue).toOpaque()
    unsafe made.handle = try makeHandle(.queue, made, fast: fast)
    boxes[queue.name, default: []].append(made)
    return made
  }

  /// Whether something of a queue with this name is out.
  func isLent(_ name: String) -> Bool { boxes[name]?.contains(where: \.isLent) ?? false }

  /// Forgets a handle that is closed.
  mutating func remove(_ box: QueueBox) {
    boxes[box.queue.name]?.removeAll { $0 === box }
    if boxes[box.queue.name]?.isEmpty ?? false { boxes[box.queue.name] = nil }
  }

  /// All handles of queues with a name.
  func all(named name: String) -> [QueueBox] { boxes[name] ?? [] }
}
