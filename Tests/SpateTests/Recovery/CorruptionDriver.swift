import Testing

@testable import Spate

/// Opens damaged copies of one store and holds recovery to its promises.
struct CorruptionDriver {
  /// The store as its owner left it.
  let builder: SegmentBuilder
  /// Records below this were acknowledged as durable, and chunk frames, footers or headers prove it.
  let provenSequence: UInt64

  /// Damages a copy, opens it, and checks what holds after any damage:
  ///
  /// - what can be read and what the report calls damaged make up every sequence below the end, exactly;
  /// - every record read is the one that was written;
  /// - no record that was proven durable is missing unless the report says so;
  /// - opening again says the same; appending and opening once more loses nothing.
  @discardableResult
  func open(
    _ what: String,
    recoversProof: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation,
    damage: (MemoryStorage) throws -> Void
  ) throws -> (report: RecoveryReport, records: [SegmentBuilder.Record], storage: MemoryStorage) {
    let storage = builder.storage.copy()
    try damage(storage)
    let queue = try QueueRecovery.run(storage: storage, directory: SegmentBuilder.directory)
    let records = try readRecords(queue, in: storage)
    let comment = Comment(rawValue: what)
    let written = Dictionary(uniqueKeysWithValues: builder.records.map { ($0.sequence, $0) })
    for record in records {
      #expect(written[record.sequence] == record, comment, sourceLocation: sourceLocation)
    }
    var sequences = records.map(\.sequence)
    for range in queue.report.damages { sequences += Array(range.sequences) }
    #expect(
      sequences.sorted() == Array(0..<queue.endSequence),
      comment,
      sourceLocation: sourceLocation
    )
    if recoversProof {
      #expect(queue.endSequence >= provenSequence, comment, sourceLocation: sourceLocation)
    }
    let again = try QueueRecovery.run(storage: storage, directory: SegmentBuilder.directory)
    #expect(again.endPosition == queue.endPosition, comment, sourceLocation: sourceLocation)
    #expect(again.endSequence == queue.endSequence, comment, sourceLocation: sourceLocation)
    #expect(again.catalog.damages == queue.catalog.damages, comment, sourceLocation: sourceLocation)
    #expect(try readRecords(again, in: storage) == records, comment, sourceLocation: sourceLocation)
    let extended = storage.copy()
    let next = try append(to: again, in: extended)
    let last = try QueueRecovery.run(storage: extended, directory: SegmentBuilder.directory)
    #expect(last.endSequence == queue.endSequence + 1, comment, sourceLocation: sourceLocation)
    let reread = try readRecords(last, in: extended)
    let known = Set(last.catalog.damages.flatMap { Array($0.sequences) })
    if known == Set(queue.report.damages.flatMap { Array($0.sequences) }) {
      #expect(reread == records + [next], comment, sourceLocation: sourceLocation)
    } else {
      #expect(reread.last == next, comment, sourceLocation: sourceLocation)
    }
    return (queue.report, records, storage)
  }

  /// Rolls as the engine does after an open, and appends a durable record.
  private func append(to queue: RecoveredQueue, in storage: MemoryStorage) throws -> SegmentBuilder.Record {
    let made = try SegmentPreparer(
      storage: storage,
      directory: SegmentBuilder.directory,
      queueIdentifier: SegmentBuilder.identifier
    ).prepare(number: queue.nextSegmentNumber, byteCount: 16384)
    storage.close(made.file)
    let base = Format.alignUp(queue.endPosition, to: 4096)
    let use = SegmentUse(
      salt: 0xABCD,
      basePosition: base,
      baseSequence: queue.endSequence,
      epoch: queue.epoch + 1,
      baseTimestamp: 1,
      flags: .beginsAfterRecovery,
      cutPosition: queue.endPosition
    )
    let chunk = ChunkFrame(
      basePosition: base,
      baseSequence: queue.endSequence,
      durablePosition: queue.endPosition,
      durableSequence: queue.endSequence,
      epoch: queue.epoch + 1
    )
    let stamp = Format.stamp(salt: use.salt, position: base + 80)
    storage.edit(made.path) { bytes in
      unsafe bytes.withUnsafeMutableBytes { bytes in
        unsafe use.encode(into: bytes.baseAddress! + 512)
        unsafe chunk.encode(into: bytes.baseAddress! + 4096, salt: use.salt, timestamp: 1)
        var header = FrameHeader(type: .record, timestamp: 2, bodyByteCount: 4, stamp: stamp)
        let frame = unsafe bytes.baseAddress! + 4096 + 80
        unsafe (frame + 32).copyMemory(from: [9, 9, 9, 9] as [UInt8], byteCount: 4)
        unsafe header.encode(into: frame)
        header.checksum = unsafe header.computedChecksum(ofFrame: frame)
        unsafe header.encode(into: frame)
      }
    }
    return SegmentBuilder.Record(
      sequence: queue.endSequence,
      position: base + 80,
      endPosition: base + 120,
      payload: [9, 9, 9, 9]
    )
  }
}
