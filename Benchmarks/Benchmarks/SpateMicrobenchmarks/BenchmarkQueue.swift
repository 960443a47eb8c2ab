import Glibc
import Spate

/// A queue of a store in memory, with a cursor at its tail. One thread.
final class BenchmarkQueue {
  let queue: Queue
  private let directory = BenchmarkDirectory()
  private let store: Store
  private let named: NamedCursor
  private var cursor: Cursor
  private var end: UInt64 = 0
  private var acknowledged: UInt64 = 0

  init() throws {
    store = try Store.open(at: directory.path + "/store")
    var options = QueueOptions()
    options.retention.maximalByteCount = 128 << 20
    options.retention.evictsUnacknowledged = true
    queue = try store.queue(named: "bench", options: options)
    named = try queue.cursor(named: "reader")
    cursor = try queue.cursor(from: .latest, following: .published)
  }

  deinit { try? store.close() }

  /// Appends records at `published`.
  func append(_ count: Int, byteCount: Int) throws {
    let payload = [UInt8](repeating: 7, count: byteCount)
    for _ in 0..<count { end = try unsafe queue.append(payload.span.bytes, level: .published) }
  }

  /// Reads all that was appended; returns how many records that were.
  func readAll() throws -> Int {
    var count = 0
    while try cursor.next() != nil { count += 1 }
    return count
  }

  /// Waits until the disk has caught up and the cursor stands at the tail.
  func settle() throws {
    end = try unsafe queue.append([0].span.bytes, level: .durable)
    try cursor.seek(to: .latest)
  }

  /// Acknowledges so many records, one after the other.
  func acknowledge(_ count: Int) throws {
    for _ in 0..<count {
      try named.acknowledge(through: acknowledged)
      acknowledged += 1
    }
  }
}
