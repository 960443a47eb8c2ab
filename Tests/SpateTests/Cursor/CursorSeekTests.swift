import Synchronization
import Testing

@testable import Spate

/// Going to a sequence in a segment that has no footer yet: chunk frames at the strides lead there.
@Suite struct CursorSeekTests {
  /// A disk that counts the chunk frames that are read.
  private final class CountingStorage: ForwardingStorage {
    let base: any Storage
    private let count = Atomic<Int>(0)

    init(_ base: any Storage) { self.base = base }

    /// How many were read since the last look.
    func take() -> Int { count.exchange(0, ordering: .relaxed) }

    func read(
      _ file: StorageFile,
      into bytes: UnsafeMutableRawBufferPointer,
      at offset: UInt64
    ) throws(SpateError) -> Int {
      if bytes.count == ChunkFrame.byteCount { count.add(1, ordering: .relaxed) }
      return try unsafe base.read(file, into: bytes, at: offset)
    }
  }

  /// A queue whose only segment is far larger than the ring, and still written.
  private func openQueue(_ scratch: IOScratch) throws -> (store: Store, queue: Queue, disk: CountingStorage) {
    var options = StoreOptions()
    options.memoryBudgetByteCount = 4 << 20
    options.minimalSegmentByteCount = 128 << 20
    options.maximalSegmentByteCount = 128 << 20
    let (store, disk) = try Store.open(at: scratch.path, options: options, on: CountingStorage.init)
    return (store, try store.queue(named: "events"), disk)
  }

  @Test func aSequenceIsFoundInFewReadsWhereRecordsHaveOneSize() throws {
    let scratch = IOScratch()
    let (store, queue, disk) = try openQueue(scratch)
    let count = 60_000
    for number in 0..<count { try queue.append(CursorFixture.payload(number, 1000), level: .published) }
    try queue.wait(for: UInt64(count - 1))
    var cursor = try queue.cursor()
    _ = disk.take()
    for wanted in stride(from: 3, to: count - 6000, by: 1999) {
      try cursor.seek(to: .sequence(UInt64(wanted)))
      let record = try cursor.next()
      #expect(record?.sequence == UInt64(wanted))
      // By halves of 60 strides it would be six.
      let reads = disk.take()
      #expect(reads <= 3, "\(reads) for record \(wanted)")
    }
    try store.close()
  }

  @Test func aSequenceIsFoundHoweverTheSizesOfRecordsChange() throws {
    let scratch = IOScratch()
    let (store, queue, _) = try openQueue(scratch)
    // Many small records, few large ones, and again: positions say little about sequences.
    let sizes = [(100_000, 40), (1000, 20_000), (100_000, 40), (1000, 20_000)]
    var sequence: UInt64 = 0
    var starts: [UInt64] = []
    for (count, size) in sizes {
      for _ in 0..<count {
        sequence = try queue.append(CursorFixture.payload(Int(sequence), size), level: .published) + 1
      }
      starts.append(sequence)
    }
    try queue.wait(for: sequence - 1)
    var cursor = try queue.cursor()
    let wanted =
      starts.dropLast().flatMap { [$0 - 1, $0, $0 + 1] } + Array(stride(from: 0, to: sequence, by: 4999))
    for wanted in wanted {
      try cursor.seek(to: .sequence(wanted))
      if let record = try cursor.next() {
        #expect(record.sequence == wanted)
        let bytes = CursorFixture.bytes(record.payload)
        #expect(bytes == CursorFixture.payload(Int(wanted), bytes.count))
      } else {
        Issue.record("record \(wanted) was not found")
      }
    }
    try store.close()
  }
}
