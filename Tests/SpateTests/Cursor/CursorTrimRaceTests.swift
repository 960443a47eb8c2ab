import Synchronization
import Testing

@testable import Spate

/// A segment that is trimmed between a reader's look at the catalog and its look at the file.
@Suite struct CursorTrimRaceTests {
  /// Does something just before the next segment file is opened for reading.
  private final class Meddler: ForwardingStorage {
    let base: any Storage
    private let pending = Mutex<(@Sendable () -> Void)?>(nil)

    init(_ base: any Storage) { self.base = base }

    func beforeNextRead(_ body: @escaping @Sendable () -> Void) { pending.withLock { $0 = body } }

    var hasMeddled: Bool { pending.withLock { $0 == nil } }

    func open(_ path: String, _ mode: OpenMode) throws(SpateError) -> StorageFile {
      if mode == .read || mode == .readDirect, path.hasSuffix(Format.segmentSuffix) {
        let body = pending.withLock { body in
          defer { body = nil }
          return body
        }
        body?()
      }
      return try base.open(path, mode)
    }
  }

  private static func withTrimmedLog(
    _ body: (_ queue: Queue, _ meddler: Meddler, _ cut: UInt64) throws -> Void
  ) throws {
    let scratch = IOScratch()
    var options = StoreOptions()
    options.minimalSegmentByteCount = 64 << 10
    options.maximalSegmentByteCount = 64 << 10
    let (store, meddler) = try Store.open(at: scratch.path, options: options, on: Meddler.init)
    let queue = try store.queue(named: "events")
    for number in 0..<400 { try queue.append(CursorFixture.payload(number, 1000)) }
    try body(queue, meddler, 200)
    try store.close()
  }

  @Test func aSegmentTrimmedWhileACursorOpensItIsSaidToBeTrimmed() throws {
    try Self.withTrimmedLog { queue, meddler, cut in
      var cursor = try queue.cursor(from: .earliest)
      meddler.beforeNextRead { #expect(throws: Never.self) { try queue.trim(before: cut) } }
      let error = #expect(throws: SpateError.self) { _ = try cursor.next()?.sequence }
      #expect(meddler.hasMeddled)
      #expect(error?.code == .outOfRange)
      let first = queue.statistics.firstSequence
      #expect(error?.sequence == first && first > 0)
      try cursor.seek(to: .earliest)
      var next = first
      while let record = try cursor.next() {
        #expect(record.sequence == next)
        next += 1
      }
      #expect(next == 400)
    }
  }

  @Test func pinnedRangesBeginBehindASegmentTrimmedMeanwhile() throws {
    try Self.withTrimmedLog { queue, meddler, cut in
      meddler.beforeNextRead { #expect(throws: Never.self) { try queue.trim(before: cut) } }
      let ranges = try queue.segmentRanges()
      defer { ranges.release() }
      #expect(meddler.hasMeddled)
      #expect(ranges.ranges.first?.sequences.lowerBound == queue.statistics.firstSequence)
      #expect(ranges.endSequence == 400)
    }
  }

  @Test func pinnedRangesFromATrimmedRecordAreRefused() throws {
    try Self.withTrimmedLog { queue, meddler, cut in
      meddler.beforeNextRead { #expect(throws: Never.self) { try queue.trim(before: cut) } }
      let error = #expect(throws: SpateError.self) { try queue.segmentRanges(from: 0).release() }
      #expect(meddler.hasMeddled)
      #expect(error?.code == .outOfRange && error?.sequence == queue.statistics.firstSequence)
    }
  }
}
