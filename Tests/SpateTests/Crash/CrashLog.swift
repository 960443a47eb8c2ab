import Testing

@testable import Spate
@testable import SpateCrashChild

/// What one look at a whole queue of crash records has come to: records are what their producers made, in their
/// order and there once, and batches are whole.
struct CrashLog {
  /// By sequence, the hash of each record.
  private(set) var seen: [UInt64: UInt64] = [:]
  /// The processes that made them.
  private(set) var lives: Set<UInt64> = []
  /// What is wrong.
  private(set) var complaints: [String] = []
  /// The sequence behind the last record.
  private(set) var end: UInt64 = 0
  /// What the last record says of itself.
  private(set) var last: CrashRecord.Head?
  private var numbers: [UInt64: [UInt32: UInt64]] = [:]
  private var batchLeft = 0

  /// Reads the queue from its first record to its end. `mayBeTrimmed` says that its beginning may go meanwhile.
  init(reading queue: Queue, mayBeTrimmed: Bool = false) throws(SpateError) {
    var cursor = try queue.cursor()
    reading: while true {
      do throws(SpateError) {
        guard let record = try cursor.next() else { break reading }
        note(record, of: queue.name)
      } catch {
        guard error.code == .outOfRange, mayBeTrimmed, let first = error.sequence else { throw error }
        try cursor.seek(to: .sequence(first))
        batchLeft = 0
      }
    }
    if batchLeft != 0 { complaints.append("\(queue.name): a batch without its end") }
  }

  private mutating func note(_ record: borrowing Record, of queue: String) {
    let bytes = CursorFixture.bytes(record.payload)
    let sequence = record.sequence
    if sequence < end { complaints.append("\(queue) \(sequence) comes after \(end)") }
    end = sequence + 1
    seen[sequence] = CrashRecord.hash(bytes)
    guard let head = CrashRecord.Head(bytes) else {
      return complaints.append("\(queue) \(sequence) has no head")
    }
    let whole = CrashRecord.payload(
      life: head.life,
      producer: head.producer,
      number: head.number,
      batchIndex: head.batchIndex,
      batchCount: head.batchCount,
      byteCount: bytes.count
    )
    if bytes != whole { complaints.append("\(queue) \(sequence) has other bytes") }
    last = head
    lives.insert(head.life)
    if head.number <= numbers[head.life]?[head.producer] ?? 0 {
      complaints.append("\(queue) \(sequence) is out of order")
    }
    numbers[head.life, default: [:]][head.producer] = head.number
    if batchLeft == 0 {
      if head.batchIndex != 0 { complaints.append("\(queue) \(sequence): a batch without its beginning") }
      batchLeft = head.batchCount
    }
    if head.batchCount - head.batchIndex != batchLeft {
      complaints.append("\(queue) \(sequence): a torn batch")
    }
    batchLeft -= 1
  }
}

extension CrashRecord {
  /// What a record says of itself.
  struct Head {
    var life: UInt64
    var producer: UInt32
    var number: UInt64
    var batchIndex: Int
    var batchCount: Int

    init?(_ bytes: [UInt8]) {
      guard bytes.count >= CrashRecord.headByteCount else { return nil }
      func value(_ offset: Int, _ count: Int) -> UInt64 {
        bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
      }
      life = value(0, 8)
      producer = UInt32(truncatingIfNeeded: value(8, 4))
      number = value(16, 8)
      batchIndex = Int(value(24, 4))
      batchCount = Int(value(28, 4))
    }
  }
}
