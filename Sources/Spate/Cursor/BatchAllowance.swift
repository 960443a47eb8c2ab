import Synchronization

/// How many batches of one cursor are out. Shared by the cursor and its batches; any thread.
final class BatchAllowance: Sendable {
  /// The most that may be out at a time.
  let limit: Int
  /// Signalled when a batch was released.
  let released = EventCount()
  private let outCount = Atomic<Int>(0)

  init(limit: Int) { self.limit = max(1, limit) }

  /// Whether another batch may go out.
  var hasRoom: Bool { outCount.load(ordering: .acquiring) < limit }

  /// Counts a batch that goes out. Only by who owns the cursor, after ``hasRoom``.
  func take() { outCount.wrappingAdd(1, ordering: .relaxed) }

  /// Counts a batch that came back.
  func giveBack() {
    // ORDERING: release, pairs with `hasRoom`: the batch's pins are gone when there is room.
    outCount.wrappingSubtract(1, ordering: .releasing)
    released.signal()
  }
}
