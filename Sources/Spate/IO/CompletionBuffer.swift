/// Completions that ended and were not collected yet, first in, first out.
///
/// Room is made at the start for all that may be in flight; it grows only when a caller enqueues beyond the
/// capacity without collecting. One thread.
///
/// INVARIANT: `head < storage.count`, `count <= storage.count`, and the count of slots is a power of two.
struct CompletionBuffer {
  private var storage: [IOCompletion]
  private var head = 0

  /// How many completions wait.
  private(set) var count = 0

  /// Makes room for `capacity` completions.
  init(capacity: Int) {
    var slots = 16
    while slots < capacity { slots *= 2 }
    storage = Array(repeating: IOCompletion(token: 0, error: 0), count: slots)
  }

  /// Adds one at the end.
  mutating func append(_ completion: IOCompletion) {
    if count == storage.count { grow() }
    storage[(head + count) & (storage.count - 1)] = completion
    count += 1
  }

  /// Moves as many as fit to the start of `destination`, oldest first, and returns how many.
  mutating func move(into destination: UnsafeMutableBufferPointer<IOCompletion>) -> Int {
    let moved = min(count, destination.count)
    for index in 0..<moved {
      // SAFETY: `moved` is at most the destination's count.
      unsafe destination[index] = storage[(head + index) & (storage.count - 1)]
    }
    head = (head + moved) & (storage.count - 1)
    count -= moved
    return moved
  }

  /// Drops all.
  mutating func removeAll() {
    head = 0
    count = 0
  }

  private mutating func grow() {
    var larger = Array(repeating: IOCompletion(token: 0, error: 0), count: storage.count * 2)
    for index in 0..<count { larger[index] = storage[(head + index) & (storage.count - 1)] }
    storage = larger
    head = 0
  }
}
