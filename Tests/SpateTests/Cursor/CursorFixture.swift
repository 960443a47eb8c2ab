import Testing

@testable import Spate

/// A store in a directory of its own, with small segments, and records whose bytes tell which they are.
final class CursorFixture {
  /// A record that should have been there.
  struct Missing: Error {}

  let scratch = IOScratch()
  var options = StoreOptions()
  private(set) var store: Store
  private(set) var queue: Queue

  init(segmentByteCount: UInt64 = 64 << 10, budget: Int = 4 << 20) throws {
    options.memoryBudgetByteCount = budget
    options.minimalSegmentByteCount = segmentByteCount
    options.maximalSegmentByteCount = segmentByteCount
    store = try Store.open(at: scratch.path, options: options)
    queue = try store.queue(named: "events")
  }

  deinit { try? store.close() }

  /// Closes and opens the store: nothing is in the ring any more.
  func reopen() throws {
    try store.close()
    store = try Store.open(at: scratch.path, options: options)
    queue = try store.queue(named: "events")
  }

  /// Appends records with these numbers and waits until they are durable.
  func append(_ numbers: Range<Int>, byteCount: Int = 100) throws {
    for number in numbers { try queue.append(Self.payload(number, byteCount), level: .published) }
    if let last = numbers.last { try queue.wait(for: UInt64(last)) }
  }

  /// The bytes of record `number`.
  static func payload(_ number: Int, _ byteCount: Int = 100) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      for index in 0..<byteCount {
        unsafe buffer[index] = UInt8(truncatingIfNeeded: number &* 31 &+ index &* 7)
      }
      count = byteCount
    }
  }

  /// A copy of the bytes of a span.
  static func bytes(_ span: RawSpan) -> [UInt8] {
    unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  /// Reads to the end and returns the sequences, checking each payload.
  static func drain(_ cursor: inout Cursor, byteCount: Int = 100) throws -> [UInt64] {
    var sequences: [UInt64] = []
    while let record = try cursor.next() {
      if bytes(record.payload) != payload(Int(record.sequence), byteCount) {
        Issue.record("record \(record.sequence) has other bytes")
      }
      sequences.append(record.sequence)
    }
    return sequences
  }
}

/// A batch's sequences, its payloads checked.
func sequences(of batch: Batch, byteCount: Int = 100) -> [UInt64] {
  var found: [UInt64] = []
  batch.forEach { record in
    #expect(CursorFixture.bytes(record.payload) == CursorFixture.payload(Int(record.sequence), byteCount))
    found.append(record.sequence)
  }
  return found
}
