import Testing

@testable import Spate

/// A store with two queues: orders, and the invoices that a processor makes of them.
final class TransactionFixture {
  let scratch = IOScratch()
  var options = StoreOptions()
  private(set) var store: Store
  private(set) var orders: Queue
  private(set) var invoices: Queue
  private(set) var disk: FaultyStorage

  init(orderCount: Int = 50, segmentByteCount: UInt64 = 64 << 10) throws {
    options.memoryBudgetByteCount = 4 << 20
    options.minimalSegmentByteCount = segmentByteCount
    options.maximalSegmentByteCount = segmentByteCount
    var disk: FaultyStorage?
    store = try Store.open(at: scratch.path, options: options) { real in
      let faulty = FaultyStorage(real)
      disk = faulty
      return faulty
    }
    self.disk = try #require(disk)
    orders = try store.queue(named: "orders")
    invoices = try store.queue(named: "invoices")
    for number in 0..<orderCount {
      try orders.append(CursorFixture.payload(number), level: .published)
    }
    if orderCount > 0 { try orders.wait(for: UInt64(orderCount - 1)) }
  }

  deinit {
    disk.heal()
    disk.resume()
    try? store.close()
  }

  /// Acknowledges up to `end` orders and appends an invoice for each that was not acknowledged before.
  @discardableResult
  func process(
    _ cursor: borrowing NamedCursor,
    upTo end: UInt64,
    from start: UInt64? = nil,
    into queue: Queue? = nil,
    level: DurabilityLevel = .durable
  ) throws -> Range<UInt64> {
    var transaction = Transaction()
    for number in (start ?? cursor.acknowledgedSequence)..<end {
      try transaction.append(CursorFixture.payload(Int(number)))
    }
    try transaction.acknowledge(cursor, through: end - 1)
    return try (queue ?? invoices).commitNow(transaction, level: level)
  }

  /// What stands in a copy of the store: how many orders are acknowledged, and how many invoices there are.
  static func state(of store: Store) throws -> (acknowledged: UInt64?, invoices: Int) {
    let orders = try store.queue(named: "orders")
    let acknowledged = orders.namedCursors.first { $0.name == "billing" }?.acknowledgedSequence
    return (acknowledged, try store.queue(named: "invoices").readAll().count)
  }
}

extension Queue {
  /// Commits from a test, whatever surrounds it.
  @discardableResult
  func commitNow(
    _ transaction: borrowing Transaction,
    level: DurabilityLevel = .durable,
    until deadline: ContinuousClock.Instant? = nil
  ) throws(SpateError) -> Range<UInt64> {
    try commit(transaction, level: level, until: deadline)
  }

  /// Sets a value from a test, whatever surrounds it.
  func setMetadataNow(_ value: [UInt8], named name: String, level: DurabilityLevel = .durable) throws {
    try setMetadata(value, named: name, level: level)
  }
}
