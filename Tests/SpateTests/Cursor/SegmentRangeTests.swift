import CSpate
import Glibc
import Testing

@testable import Spate

/// Segment files handed out as ranges of bytes.
@Suite struct SegmentRangeTests {
  /// The records in a range, read from its descriptor, their frames checked.
  static func records(of range: SegmentRange) throws -> [ReadRecord] {
    let base = Format.alignDown(range.offset, to: 4096)
    let lead = Int(range.offset - base)
    let buffer = BlockBuffer(byteCount: lead + Int(range.byteCount), alignment: 4096)
    let count = unsafe spate_pread(range.fileDescriptor, buffer.bytes.baseAddress, buffer.byteCount, base)
    try #require(count == buffer.byteCount)
    // SAFETY: the buffer lives until the scan is over.
    var scanner = unsafe FrameScanner(
      bytes: UnsafeRawBufferPointer(buffer.bytes),
      basePosition: range.position - UInt64(lead),
      start: range.position,
      sequence: range.sequences.lowerBound,
      salt: range.salt,
      blockByteCount: 4096,
      limit: range.position + range.byteCount
    )
    var found: [ReadRecord] = []
    while true {
      switch scanner.next() {
      case .frame(let frame):
        guard frame.header.type == .record else { continue }
        let bytes = unsafe UnsafeRawBufferPointer(buffer.bytes)[frame.bodyOffset...]
        found.append(
          ReadRecord(
            sequence: frame.sequence,
            payload: unsafe Array(bytes.prefix(Int(frame.header.bodyByteCount)))
          )
        )
      case .end:
        #expect(scanner.sequence == range.sequences.upperBound)
        return found
      case .invalid(let position), .needsBytes(let position, _):
        Issue.record("no frame at \(position) of \(range)")
        return found
      }
    }
  }

  @Test func rangesHaveEveryDurableRecordOnce() throws {
    let fixture = try CursorFixture()
    var count = 0
    // Ends in the middle of blocks, at different places of them, and inside of large records.
    for (more, byteCount) in [(1, 100), (2, 100), (1997, 100), (1, 30_000), (3, 9000), (1, 200_000), (1, 5)] {
      try fixture.append(count..<count + more, byteCount: byteCount)
      count += more
      let pinned = try fixture.queue.segmentRanges()
      let records = try pinned.ranges.flatMap { try Self.records(of: $0) }
      #expect(pinned.endSequence == UInt64(count))
      #expect(records.map(\.sequence) == (0..<UInt64(count)).map { $0 })
      let newest = records.suffix(more)
      #expect(newest.allSatisfy { $0.payload == CursorFixture.payload(Int($0.sequence), byteCount) })
      #expect(records.prefix(2000).allSatisfy { $0.payload == CursorFixture.payload(Int($0.sequence)) })
    }
    try fixture.reopen()
    let pinned = try fixture.queue.segmentRanges()
    #expect(try pinned.ranges.flatMap { try Self.records(of: $0) }.count == count)
    pinned.release()
  }

  @Test func theEndOfTheLogStaysAsItWasPinnedWhileItsBlockIsWrittenAgain() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<3)
    let first = try fixture.queue.segmentRanges()
    let before = try first.ranges.map { try Self.records(of: $0) }
    for number in 3..<40 {
      try fixture.append(number..<number + 1)
      let pinned = try fixture.queue.segmentRanges(from: UInt64(number))
      #expect(try pinned.ranges.flatMap { try Self.records(of: $0) }.count == 1)
      pinned.release()
    }
    #expect(try first.ranges.map { try Self.records(of: $0) } == before)
    #expect(before.joined().map(\.sequence) == [0, 1, 2])
    first.release()
  }

  @Test func aRangeBeginsAndEndsAtTheRecordsThatWereAskedFor() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<1200)
    for (from, upTo) in [(0, 1), (7, 7), (5, 900), (450, 460), (1100, 1101), (0, 1150)] {
      let pinned = try fixture.queue.segmentRanges(from: UInt64(from), upTo: UInt64(upTo))
      let records = try pinned.ranges.flatMap { try Self.records(of: $0) }
      #expect(records.map(\.sequence) == (UInt64(from)..<UInt64(upTo)).map { $0 })
      #expect(pinned.endSequence == UInt64(upTo))
    }
    let one = try fixture.queue.segmentRanges(from: 3, maximalCount: 1)
    #expect(one.ranges.count == 1 && one.endSequence == one.ranges[0].sequences.upperBound)
    #expect(failure { try fixture.queue.segmentRanges(from: 9, upTo: 8) }?.code == .invalidArgument)
    #expect(failure { try fixture.queue.segmentRanges(from: 1201) }?.code == .outOfRange)
    #expect(try fixture.queue.segmentRanges(from: 1200).ranges.isEmpty)
  }

  @Test func pinnedBytesStayWhileTheLogIsTrimmedAndTruncatedAndGrows() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<2000)
    let pinned = try fixture.queue.segmentRanges()
    let before = try pinned.ranges.map { try Self.records(of: $0) }
    try fixture.queue.trim(before: 1500)
    try fixture.queue.truncate(from: 1700)
    // Enough to reuse every spare file.
    try fixture.append(1700..<4000, byteCount: 300)
    try fixture.queue.trim(before: 3500)
    try fixture.append(4000..<5000, byteCount: 300)
    #expect(try pinned.ranges.map { try Self.records(of: $0) } == before)
    #expect(failure { try fixture.queue.segmentRanges(from: 0) }?.code == .outOfRange)
  }

  @Test func releasedRangesGiveFilesAndUsesBack() throws {
    let fixture = try CursorFixture()
    try fixture.append(0..<1000)
    let pinned = try fixture.queue.segmentRanges()
    let descriptors = pinned.ranges.map(\.fileDescriptor)
    let files = descriptors.map(Self.inode)
    #expect(files.allSatisfy { $0 != nil })
    let numbers = fixture.queue.core.catalog.segments.prefix(descriptors.count).map(\.number)
    #expect(numbers.allSatisfy { fixture.queue.core.cursors.isInUse(segment: $0) })
    pinned.release()
    pinned.release()
    #expect(numbers.allSatisfy { !fixture.queue.core.cursors.isInUse(segment: $0) })
    // Somebody else may have got such a number meanwhile, but not for this file.
    for (descriptor, file) in zip(descriptors, files) { #expect(Self.inode(descriptor) != file) }
  }

  private static func inode(_ descriptor: Int32) -> UInt64? {
    var status = stat()
    return unsafe fstat(descriptor, &status) == 0 ? UInt64(status.st_ino) : nil
  }

  @Test func anEmptyOrClosedQueueHasNoRanges() throws {
    let fixture = try CursorFixture()
    let pinned = try fixture.queue.segmentRanges()
    #expect(pinned.ranges.isEmpty && pinned.endSequence == 0)
    let queue = fixture.queue
    try fixture.append(0..<100)
    try fixture.store.close()
    #expect(failure { try queue.segmentRanges() }?.code == .closed)
  }

  private func failure(_ body: () throws -> SegmentRanges) -> SpateError? {
    do {
      _ = try body()
      return nil
    } catch { return error as? SpateError }
  }
}
