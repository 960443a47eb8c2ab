import Glibc
import Synchronization
import Testing

@testable import Spate
@testable import SpateCrashChild

/// A store in a directory of its own, on one of the four ways of input and output, that can be reopened.
final class StoreFixture {
  let scratch = IOScratch()
  var options = StoreOptions()
  private(set) var store: Store
  private(set) var queue: Queue
  private(set) var disk: FaultyStorage

  init(_ way: IOWay? = nil, configure: (inout StoreOptions) -> Void = { _ in }) throws {
    options.ioStrategy = way?.strategy
    options.fileMode = way?.mode
    configure(&options)
    (store, disk) = try Self.open(scratch, options)
    queue = try store.queue(named: "events")
  }

  deinit {
    disk.heal()
    disk.resume()
    try? store.close()
  }

  /// The bytes of a large record: fast to make, different for each number.
  static func large(_ number: Int, _ byteCount: Int) -> [UInt8] {
    let pattern = CursorFixture.payload(number, min(byteCount, 1021))
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount + pattern.count)
    while bytes.count < byteCount { bytes += pattern }
    bytes.removeLast(bytes.count - byteCount)
    return bytes
  }

  private static func open(_ scratch: IOScratch, _ options: StoreOptions) throws -> (Store, FaultyStorage) {
    var disk: FaultyStorage?
    let store = try Store.open(at: scratch.path, options: options) { real in
      let faulty = FaultyStorage(real)
      disk = faulty
      return faulty
    }
    return (store, try #require(disk))
  }

  /// Closes the store, whatever that says, and opens it on a healthy disk.
  func reopen() throws {
    try? store.close()
    (store, disk) = try Self.open(scratch, options)
    queue = try store.queue(named: "events")
  }
}

/// A record that was read, copied.
struct ReadRecord: Equatable {
  var sequence: UInt64
  var payload: [UInt8]
  var key: [UInt8] = []
  var headers: [UInt8] = []
  var timestamp: UInt64 = 0
}

extension Queue {
  /// All records that the level covers, oldest first.
  func readAll(following level: DurabilityLevel = .durable) throws -> [ReadRecord] {
    var cursor = try cursor(following: level)
    var records: [ReadRecord] = []
    while let record = try cursor.next() {
      records.append(
        ReadRecord(
          sequence: record.sequence,
          payload: CursorFixture.bytes(record.payload),
          key: CursorFixture.bytes(record.key),
          headers: CursorFixture.bytes(record.headers),
          timestamp: record.timestamp
        )
      )
    }
    return records
  }

  /// Appends from a test that is no asynchronous context, whatever surrounds it.
  @discardableResult
  func appendBlocking(_ payload: [UInt8], level: DurabilityLevel = .durable) throws(SpateError) -> UInt64 {
    try append(payload, level: level)
  }
}

/// Runs `body` on threads of its own, all at once, and throws the first thing that any of them threw.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
  let failures = Failures()
  let threads = try (0..<count).map { index in
    try EngineThread(name: "test-\(index)") {
      do { try body(index) } catch { failures.add(error) }
    }
  }
  for thread in threads { thread.join() }
  if let first = failures.first { throw first }
}

private final class Failures: Sendable {
  private let all = Mutex<[any Error]>([])
  func add(_ error: any Error) { all.withLock { $0.append(error) } }
  var first: (any Error)? { all.withLock { $0.first } }
}

/// What `body` throws, which must be a ``SpateError``.
func failure<R: ~Copyable>(of body: () throws -> R) -> SpateError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? SpateError
  }
}

extension ContinuousClock.Instant {
  /// A moment that has passed: whoever would wait until then does not.
  static var past: Self { .now - .seconds(1) }
}
