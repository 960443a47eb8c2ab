import CMallocCount
import Glibc
import Spate

/// Counts what this thread allocates on the paths that run once a record, and prints a line for each: a name and how many
/// allocations there were for ``recordCount`` records. Started by a test, with the path of a new store.
///
/// `control` allocates once a record on purpose: it tells that the counting works.
@main
enum HotPathAllocations {
  static let recordCount = 2000

  static func main() throws {
    let store = try Store.open(at: CommandLine.arguments[1])
    let queue = try store.queue(named: "hot")
    let named = try queue.cursor(named: "reader")
    var tail = try queue.cursor(from: .earliest, following: .published)
    let payload = [UInt8](repeating: 7, count: 64)
    // Once before: whatever is made at the first use is made now.
    try unsafe append(queue, payload.span.bytes, count: 16)
    for _ in 0..<16 { _ = try tail.next() }
    try named.acknowledge(through: 3)
    try report("control") { control() }
    try report("append") { () throws(SpateError) in
      try append(queue, unsafe payload.span.bytes, count: recordCount)
    }
    try report("claim") { () throws(SpateError) in
      for _ in 0..<recordCount { try queue.claim(byteCount: 64).publish(level: .published) }
    }
    try report("next in the ring") { () throws(SpateError) in
      for _ in 0..<recordCount { _ = try tail.next() }
    }
    try queue.wait(for: UInt64(2 * recordCount + 15), level: .durable)
    try report("acknowledge") { () throws(SpateError) in
      for sequence in 16..<UInt64(recordCount + 16) { try named.acknowledge(through: sequence) }
    }
    try store.close()
  }

  private static func append(_ queue: Queue, _ payload: RawSpan, count: Int) throws(SpateError) {
    for _ in 0..<count { _ = try queue.append(payload, level: .published) }
  }

  @inline(never)
  private static func control() {
    // Freed together: the optimizer leaves out what is freed at once.
    let blocks = unsafe (0..<recordCount).map { _ in unsafe malloc(64) }
    unsafe blocks.forEach { unsafe free($0) }
  }

  private static func report(_ name: String, _ work: () throws(SpateError) -> Void) throws(SpateError) {
    let before = malloc_count_of_this_thread()
    try work()
    print(name + ": \(malloc_count_of_this_thread() - before)")
  }
}
