import Testing

@testable import Spate

/// Files whose checksums are right and whose numbers cannot be: made by other software, or by a fault in memory before
/// the checksum was computed. What a fuzzer found stands here.
@Suite struct ContradictionTests {
  /// A number that no log can have; sums with it overflow.
  private static let impossible = UInt64.max - 4000

  private func sector(_ encode: (UnsafeMutableRawPointer) -> Void) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Format.sectorByteCount)
    // SAFETY: the array has a sector's bytes.
    unsafe bytes.withUnsafeMutableBytes { unsafe encode($0.baseAddress!) }
    return bytes
  }

  /// Two sealed segments, each with a chunk and some records.
  private func twoSegments() throws -> SegmentBuilder {
    var builder = try SegmentBuilder(segmentByteCount: 24576)
    for _ in 0..<2 {
      try builder.roll()
      builder.chunk()
      for index in 0..<4 { builder.append(CursorFixture.payload(index, 40)) }
      builder.sync()
      builder.seal()
    }
    return builder
  }

  private func recover(_ storage: MemoryStorage) throws -> RecoveredQueue {
    try QueueRecovery.run(storage: storage, directory: SegmentBuilder.directory)
  }

  // MARK: Numbers

  @Test func headersWithImpossibleNumbersAreDamaged() {
    for field in [24, 32, 40] {
      var use = SegmentUse(salt: 7, basePosition: 4096, baseSequence: 2, epoch: 3, baseTimestamp: 4)
      if field == 24 { use.basePosition = Self.impossible & ~4095 }
      if field == 32 { use.baseSequence = Self.impossible }
      if field == 40 { use.epoch = Self.impossible }
      let bytes = unsafe sector { unsafe use.encode(into: $0) }
      unsafe #expect(
        bytes.withUnsafeBytes { unsafe SegmentUse.decode($0.baseAddress!) } == .damaged,
        "\(field)"
      )
    }
    let manifest = QueueManifest(
      baseSequence: Self.impossible,
      createdTimestamp: 1,
      queueIdentifier: SegmentBuilder.identifier
    )
    let bytes = unsafe sector { unsafe manifest.encode(into: $0) }
    unsafe #expect(bytes.withUnsafeBytes { unsafe QueueManifest.decode($0.baseAddress!) } == .damaged)
  }

  @Test func aCheckpointWithAnImpossibleNumberIsSetAside() throws {
    let builder = try twoSegments()
    for field in [
      \QueueCheckpoint.trimmedPosition, \.trimmedSequence, \.durablePosition, \.durableSequence, \.epoch,
    ] {
      let storage = builder.storage.copy()
      var checkpoint = QueueCheckpoint(queueIdentifier: SegmentBuilder.identifier)
      checkpoint[keyPath: field] = Self.impossible
      try checkpoint.store(in: storage, directory: SegmentBuilder.directory)
      let queue = try recover(storage)
      #expect(queue.report.findings.first == .unreadableCheckpoint)
      #expect(try readRecords(queue, in: storage) == builder.records)
    }
  }

  @Test func aSlotOrAnAcknowledgementWithAnImpossibleNumberIsNone() throws {
    let queue = SegmentBuilder.identifier
    let identifier = CursorIdentifier(high: 1, low: 2)
    for field in [\CursorSlot.generation, \.epoch, \.sequence, \.ordinal] {
      var slot = CursorSlot(
        queueIdentifier: queue,
        identifier: identifier,
        name: [65],
        generation: 1,
        epoch: 1,
        sequence: 1,
        ordinal: 1
      )
      slot[keyPath: field] = Self.impossible
      let buffer = BlockBuffer(byteCount: CursorSlot.byteCount, alignment: 4096)
      unsafe slot.encode(into: buffer.bytes.baseAddress!)
      unsafe #expect(CursorSlot.decode(buffer.bytes.baseAddress!, queueIdentifier: queue) == .damaged)
    }
    for field in [\Acknowledgement.epoch, \.sequence, \.ordinal] {
      var acknowledgement = Acknowledgement(identifier: identifier, epoch: 1, sequence: 1, ordinal: 1)
      acknowledgement[keyPath: field] = Self.impossible
      var payload = [UInt8](repeating: 0, count: Acknowledgement.headByteCount)
      // SAFETY: the array has the bytes of the payload, and arrays are aligned to 16 bytes.
      unsafe payload.withUnsafeMutableBytes { unsafe acknowledgement.encode(into: $0.baseAddress!) }
      #expect(Acknowledgement(decoding: payload) == nil)
    }
  }

  @Test func aChunkThatProvesMoreThanWasThereProvesNothing() throws {
    var builder = try SegmentBuilder(segmentByteCount: 24576)
    try builder.roll()
    builder.chunk()
    builder.append([1])
    builder.durable = LogMark(position: Self.impossible, sequence: Self.impossible)
    builder.chunk()
    builder.append([2])
    let queue = try recover(builder.storage)
    #expect(queue.report.damages.isEmpty)
    #expect(queue.endSequence == 1)
  }

  @Test func aBaseSequenceThatLeavesNoRoomIsRefused() throws {
    let scratch = IOScratch()
    let store = try Store.open(at: scratch.path)
    defer { try? store.close() }
    var options = QueueOptions()
    options.baseSequence = Format.maximalNumber
    #expect(failure(of: { try store.queue(named: "q", options: options) })?.code == .invalidArgument)
  }

  // MARK: Parts that contradict each other

  @Test func aHeaderWhoseSequencesContradictTheNextIsSetAside() throws {
    let builder = try twoSegments()
    let storage = builder.storage.copy()
    let path = SegmentBuilder.path(0)
    storage.edit(path) { bytes in
      unsafe bytes.withUnsafeMutableBytes { bytes in
        let sector = unsafe bytes.baseAddress! + Format.useSectorOffset
        guard var use = unsafe SegmentUse.decode(sector).value else { return }
        use.baseSequence = 1 << 40
        unsafe use.encode(into: sector)
      }
    }
    let queue = try recover(storage)
    #expect(
      queue.report.findings.contains(
        .setAside(path: SegmentBuilder.directory + "/aside/" + Format.segmentName(0))
      )
    )
    #expect(try readRecords(queue, in: storage) == builder.records.filter { $0.sequence >= 4 })
    #expect(queue.endSequence == 8)
  }

  @Test func aHeaderThatSaysMoreThanTheFileHasCostsNoMoreThanTheFile() throws {
    let builder = try twoSegments()
    let storage = builder.storage.copy()
    storage.edit(SegmentBuilder.path(1)) { bytes in
      unsafe bytes.withUnsafeMutableBytes { bytes in
        guard var identity = unsafe SegmentIdentity.decode(bytes.baseAddress!).value else { return }
        identity.byteCount = Format.maximalSegmentByteCount
        identity.footerOffset = Format.maximalSegmentByteCount - (1 << 30)
        unsafe identity.encode(into: bytes.baseAddress!)
      }
    }
    let queue = try recover(storage)
    #expect(queue.report.scannedByteCount < 64 << 20)
    #expect(try readRecords(queue, in: storage) == builder.records)
  }

  // MARK: Hints

  @Test func aFooterOfAnEarlierUseProvesNothing() throws {
    let builder = try twoSegments()
    let storage = builder.storage.copy()
    let earlier = SegmentFooter(
      salt: builder.use.salt ^ 1,
      endPosition: builder.position + 4096,
      endSequence: builder.sequence + 50,
      firstTimestamp: 1,
      lastTimestamp: 2,
      recordCount: 54
    )
    let offset = Int(try #require(Format.footerOffset(segmentByteCount: 24576, blockByteCount: 4096)))
    storage.edit(SegmentBuilder.path(1)) { bytes in
      unsafe bytes.withUnsafeMutableBytes {
        unsafe earlier.encode(into: UnsafeMutableRawBufferPointer(rebasing: $0[offset...]))
      }
    }
    let queue = try recover(storage)
    #expect(queue.report.damages.isEmpty)
    #expect(queue.endSequence == 8)
    #expect(try readRecords(queue, in: storage) == builder.records)
  }
}
