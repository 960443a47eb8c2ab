import Testing

@testable import Spate

// The end of the log that a truncation cut off stays gone.
extension QueueRecoveryTests {
  @Test func unfinishedTruncationIsFinished() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    builder.append([1])
    let cut = builder.mark
    builder.append([2])
    builder.sync()
    try builder.roll()
    builder.chunk()
    builder.append([3])
    let dropped = builder.path
    try builder.truncate(at: cut)
    builder.chunk()
    let queue = try recover(builder)
    #expect(queue.report.findings.contains(.finishedRemoval(segmentNumber: 1)))
    #expect(builder.storage.bytes(dropped) == nil)
    #expect(queue.endSequence == 1)
    #expect(try readRecords(queue, in: builder.storage).map(\.payload) == [[1]])
  }

  /// Begins the segment that cuts off all but one record of a log, whose checkpoint says that more was durable. Returns the cut.
  private func truncate(_ builder: inout SegmentBuilder) throws -> LogMark {
    try builder.roll()
    builder.chunk()
    builder.append([1])
    let cut = builder.mark
    for _ in 0..<200 { builder.append([2, 2, 2]) }
    var checkpoint = QueueCheckpoint(queueIdentifier: SegmentBuilder.identifier)
    checkpoint.durablePosition = builder.position
    checkpoint.durableSequence = builder.sequence
    checkpoint.epoch = 1
    try checkpoint.store(in: builder.storage, directory: directory)
    try builder.truncate(at: cut)
    return cut
  }

  @Test func cutRecordsStayGoneWhenOnlyTheTruncationsHeaderSurvived() throws {
    var builder = try SegmentBuilder()
    let cut = try truncate(&builder)
    let header = builder.path
    let opened = try recover(builder)
    #expect(opened.endSequence == 1 && opened.report.damages.isEmpty)
    #expect(opened.nextCutPosition == cut.position)
    // The next owner's first segment stands in its place.
    builder.goBack(to: cut)
    builder.epoch = opened.epoch + 1
    try builder.roll(flags: opened.nextFlags)
    builder.chunk()
    builder.append([9])
    let queue = try recover(builder)
    #expect(try readRecords(queue, in: builder.storage).map(\.payload) == [[1], [9]])
    #expect(queue.report.damages.isEmpty)
    #expect(builder.storage.bytes(header) == nil)
  }

  @Test func aTruncationWhoseHeaderIsDamagedIsFoundByTheSequenceThatComesAgain() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    builder.append([1])
    let cut = builder.mark
    for _ in 0..<3 { builder.append([2]) }
    builder.sync()
    try builder.truncate(at: cut)
    builder.chunk()
    builder.append([9])
    builder.sync()
    builder.chunk()
    builder.storage.edit(builder.path) { bytes in
      for offset in 512..<1024 { bytes[offset] = 0xFF }
    }
    let queue = try recover(builder)
    #expect(queue.report.findings.contains(.repairedHeader(segmentNumber: 1)))
    #expect(queue.catalog.last?.use.cutPosition == cut.position)
    #expect(queue.report.damages.isEmpty)
    #expect(queue.endSequence == 2)
    #expect(try readRecords(queue, in: builder.storage).map(\.payload) == [[1], [9]])
  }

  @Test func aRepairedHeaderCutsOffNothingButWhatItsBlockBegan() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    for number in 0..<3 { builder.append([UInt8(number)]) }
    // A record of the same number stands far behind: no truncation left such files.
    builder.goBack(to: LogMark(position: 8192, sequence: 2))
    try builder.roll()
    builder.chunk()
    builder.append([9])
    builder.storage.edit(builder.path) { bytes in
      for offset in 512..<1024 { bytes[offset] = 0xFF }
    }
    let queue = try recover(builder)
    #expect(queue.report.findings.contains(.repairedHeader(segmentNumber: 1)))
    #expect(queue.catalog.segments.allSatisfy { $0.use.basePosition - $0.use.cutPosition < 4096 })
  }

  @Test func checkpointFromBeforeATruncationProvesNothingBeyondIt() throws {
    var builder = try SegmentBuilder()
    _ = try truncate(&builder)
    builder.chunk()
    builder.append([9])
    let queue = try recover(builder)
    #expect(queue.report.damages.isEmpty)
    #expect(queue.endSequence == 2)
  }
}
