import Synchronization

/// A cursor far behind that reads a log from its beginning on a thread of its own, but only while it is told to.
final class ColdReader {
  private enum Order: Int {
    case rest
    case read
    case end
  }

  /// What the thread and its owner share.
  private final class Shared: Sendable {
    let order = Atomic<Int>(Order.rest.rawValue)
    let byteCount = Atomic<UInt64>(0)
  }

  private let shared = Shared()
  private let target: UInt64
  private let thread: ResultThread<Void>

  /// Opens the cursor at the oldest record; `byteCount` bytes of payload are there for it.
  init(_ queue: EngineQueue, byteCount target: UInt64) throws {
    self.target = target
    let shared = shared
    thread = try ResultThread {
      var cursor = try queue.cursor(from: .earliest, following: .durable)
      while shared.byteCount.load(ordering: .relaxed) < target {
        switch Order(rawValue: shared.order.load(ordering: .acquiring)) {
        case .read:
          let reading = try cursor.read(atMost: 4096, waitingSeconds: 0.01)
          shared.byteCount.wrappingAdd(UInt64(reading.byteCount), ordering: .relaxed)
        case .end: return
        default: MonotonicClock.sleep(seconds: 0.000_5)
        }
      }
    }
  }

  /// Payload bytes that it has read.
  var byteCount: UInt64 { shared.byteCount.load(ordering: .relaxed) }

  /// Whether there is nothing left for it.
  var hasEnded: Bool { byteCount >= target }

  /// Lets it read while `body` runs.
  func whileReading<Value>(_ body: () throws -> Value) rethrows -> Value {
    shared.order.store(Order.read.rawValue, ordering: .releasing)
    defer { shared.order.store(Order.rest.rawValue, ordering: .releasing) }
    return try body()
  }

  /// Ends the thread; throws what it met.
  func end() throws {
    shared.order.store(Order.end.rawValue, ordering: .releasing)
    try thread.join()
  }
}
