import Testing

@testable import Spate
@testable import SpateCrashChild

/// Damages copies of one small log in every way, and holds checking and mending to their promises.
///
///     segment 0: chunk, records 0...7
///     segment 1: chunk, 8...13, batch 14...16 | chunk, 17...19 | chunk, 20...24
///     segment 2: chunk, 25...29
@Suite struct RepairTests {
  private let builder: SegmentBuilder

  private static func payload(_ index: Int) -> [UInt8] {
    (0..<(30 + index % 5 * 40)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index &* 13 &+ 1) }
  }

  init() throws {
    var builder = try SegmentBuilder(segmentByteCount: 32768)
    try builder.roll()
    builder.chunk()
    for index in 0..<8 { builder.append(Self.payload(index)) }
    builder.sync()
    builder.seal()
    try builder.roll()
    builder.chunk()
    for index in 8..<14 { builder.append(Self.payload(index)) }
    builder.append(Self.payload(14), flags: .continues)
    builder.append(Self.payload(15), flags: [.continues, .continued])
    builder.append(Self.payload(16), flags: .continued)
    builder.chunk()
    for index in 17..<20 { builder.append(Self.payload(index)) }
    builder.chunk()
    for index in 20..<25 { builder.append(Self.payload(index)) }
    builder.sync()
    builder.seal()
    try builder.roll()
    builder.chunk()
    for index in 25..<30 { builder.append(Self.payload(index)) }
    builder.sync()
    builder.chunk()
    self.builder = builder
    try QueueManifest(baseSequence: 0, createdTimestamp: 1, queueIdentifier: SegmentBuilder.identifier)
      .create(in: builder.storage, directory: SegmentBuilder.directory)
  }

  /// Where a segment's log begins.
  private func base(_ number: Int) -> UInt64 {
    number == 0 ? 0 : Format.alignUp(builder.records[number == 1 ? 7 : 24].endPosition, to: 4096)
  }

  /// Where a record of segment 1 begins in its file.
  private func offset(_ sequence: Int) -> Int { 4096 + Int(builder.records[sequence].position - base(1)) }

  private func verify(_ storage: MemoryStorage) throws -> StoreVerification {
    try StoreInspector(path: "", storage: storage).verify(queue: "q", done: 0) { _ in }
  }

  private func mend(_ storage: MemoryStorage) throws -> StoreRepair {
    var repair = StoreRepair()
    try QueueMender(storage: storage, name: "q").run(&repair) { _ in }
    repair.verification = try verify(storage)
    return repair
  }

  private func read(_ storage: MemoryStorage) throws -> [SegmentBuilder.Record] {
    try readRecords(
      QueueRecovery.run(storage: storage, directory: SegmentBuilder.directory),
      in: storage
    )
  }

  /// Damages a copy and mends it; what holds after any damage:
  ///
  /// - the check says that it is damaged, and how many records are lost;
  /// - every record but those that are said to be lost is read as it was written, none of a batch without the
  ///   others;
  /// - the log is sound afterwards, and mending it once more does nothing.
  @discardableResult
  private func repaired(
    _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation,
    damage: (MemoryStorage) throws -> Void
  ) throws -> (repair: StoreRepair, lost: [UInt64], storage: MemoryStorage) {
    let storage = builder.storage.copy()
    try damage(storage)
    let comment = Comment(rawValue: what)
    let found = try verify(storage)
    let repair = try mend(storage)
    let lost = repair.losses.flatMap { Array($0.sequences) }
    // A footer that is gone altogether may never have been written.
    let hasFootersOnly = repair.losses.isEmpty && repair.actions.allSatisfy { $0.kind == .rewroteFooter }
    #expect(found.isSound ? hasFootersOnly : !repair.wasSound, comment, sourceLocation: sourceLocation)
    let told = found.findings.flatMap { $0.sequences.map { Array($0) } ?? [] }
    #expect(told == lost, comment, sourceLocation: sourceLocation)
    #expect(repair.verification.isSound, comment, sourceLocation: sourceLocation)
    let expected = builder.records.filter { !lost.contains($0.sequence) }
    #expect(try read(storage) == expected, comment, sourceLocation: sourceLocation)
    let batch = lost.filter { (14...16).contains($0) }
    #expect(batch.isEmpty || batch.count == 3, comment, sourceLocation: sourceLocation)
    let again = try mend(storage)
    #expect(again.actions.isEmpty && again.losses.isEmpty, comment, sourceLocation: sourceLocation)
    return (repair, lost, storage)
  }

  @Test func aSoundLogIsLeftAsItIs() throws {
    let (repair, lost, storage) = try repaired("sound") { _ in }
    #expect(repair.wasSound && lost.isEmpty)
    for number in 0..<3 as Range<UInt64> {
      let path = SegmentBuilder.path(number)
      #expect(storage.bytes(path) == builder.storage.bytes(path))
    }
  }

  /// Bits of any byte of the frames of the middle segment.
  @Test func everyFlippedByteLosesItsOwnRecordOrBatchAlone() throws {
    let records = builder.records.filter { (8..<25).contains($0.sequence) }
    let end = 4096 + Int(try #require(records.last).endPosition - base(1))
    for place in stride(from: 4096, to: end, by: 53) {
      let position = base(1) + UInt64(place - 4096)
      // The zeros behind a body are nobody's.
      let hit = records.first {
        $0.position <= position && position < $0.position + UInt64(FrameHeader.byteCount + $0.payload.count)
      }
      let (_, lost, storage) = try repaired("flip \(place)") { storage in
        storage.edit(SegmentBuilder.path(1)) { $0[place] ^= 0x10 }
      }
      switch hit?.sequence {
      case .some(14...16): #expect(lost == [14, 15, 16], "flip \(place)")
      case .some(let sequence): #expect(lost == [sequence], "flip \(place)")
      case nil: #expect(lost.isEmpty, "flip \(place)")
      }
      if let hit {
        let aside = try storage.contents(ofDirectory: SegmentBuilder.directory + "/aside")
        #expect(aside.count == 1)
        #expect(try #require(aside.first).contains(SegmentBuilder.path(1).split(separator: "/").last!))
        #expect(hit.position <= position)
      }
    }
  }

  @Test func everyZeroedBlockIsMendedWithAnExactLoss() throws {
    let end = try #require(builder.storage.bytes(SegmentBuilder.path(1))).count
    for place in stride(from: 4096, to: end, by: 512) {
      try repaired("zeroed \(place)") { storage in
        storage.edit(SegmentBuilder.path(1)) { bytes in
          for index in place..<min(place + 512, bytes.count) { bytes[index] = 0 }
        }
      }
    }
  }

  @Test func damageInTwoPlacesOfAChunkLosesBoth() throws {
    let first = offset(9)
    let second = offset(12)
    let (_, lost, _) = try repaired("two") { storage in
      storage.edit(SegmentBuilder.path(1)) { bytes in
        bytes[first + 40] ^= 1
        bytes[second + 40] ^= 1
      }
    }
    #expect(lost == [9, 12])
    // Where the lengths are gone too, what lies between cannot be placed.
    let (_, more, _) = try repaired("two headers") { storage in
      storage.edit(SegmentBuilder.path(1)) { bytes in
        bytes[first + 12] ^= 0x40
        bytes[second + 12] ^= 0x40
      }
    }
    #expect(more == [9, 10, 11, 12])
  }

  @Test func headersAreWrittenAnew() throws {
    for number in 0..<3 as Range<UInt64> {
      for sector in [0, 512] {
        let (repair, lost, storage) = try repaired("header \(number) \(sector)") { storage in
          storage.edit(SegmentBuilder.path(number)) { $0[sector + 30] ^= 1 }
        }
        #expect(lost.isEmpty)
        #expect(repair.actions.map(\.kind) == [.rewroteHeader])
        #expect(try verify(storage).findings.isEmpty)
      }
    }
  }

  @Test func footersAreWrittenAnew() throws {
    let offset = Int(try #require(Format.footerOffset(segmentByteCount: 32768, blockByteCount: 4096)))
    let (repair, lost, storage) = try repaired("footer") { storage in
      storage.edit(SegmentBuilder.path(1)) { $0[offset + 60] ^= 1 }
    }
    #expect(lost.isEmpty)
    #expect(repair.actions.map(\.kind) == [.rewroteFooter])
    #expect(try verify(storage).findings.isEmpty)
  }

  @Test func manifestIsWrittenAnew() throws {
    let path = SegmentBuilder.directory + "/" + Format.manifestName
    let (repair, _, storage) = try repaired("manifest") { storage in
      storage.edit(path) { $0[70] ^= 1 }
    }
    #expect(repair.actions.map(\.kind) == [.rewroteManifest])
    let before = try QueueManifest.load(from: builder.storage, directory: SegmentBuilder.directory)
    let after = try QueueManifest.load(from: storage, directory: SegmentBuilder.directory)
    #expect(after.queueIdentifier == before.queueIdentifier)
    #expect(after.baseSequence == before.baseSequence)
  }

  /// The segment before it has room for the lost part of the log.
  @Test func aSegmentThatIsGoneIsFilledBehindTheOneBeforeIt() throws {
    let (repair, lost, _) = try repaired("gone") { storage in
      try storage.remove(SegmentBuilder.path(1))
    }
    #expect(lost == Array(8..<25))
    #expect(repair.actions.map(\.kind) == [.filledRange, .rewroteFooter])
  }

  @Test func aSegmentWhoseHeaderAndFirstChunkAreGoneIsSetAside() throws {
    let (repair, lost, storage) = try repaired("unreadable") { storage in
      storage.edit(SegmentBuilder.path(1)) { bytes in for index in 0..<4200 { bytes[index] = 0xEE } }
    }
    #expect(lost == Array(8..<25))
    #expect(repair.actions.first?.kind == .setAside)
    let aside = try storage.contents(ofDirectory: SegmentBuilder.directory + "/aside")
    #expect(aside.contains(String(try #require(SegmentBuilder.path(1).split(separator: "/").last))))
  }

  @Test func randomDamageIsMendedOrSaidToStay() throws {
    var random = SystemRandomNumberGenerator()
    let seed = random.next()
    var generator = SplitMix(state: seed)
    for round in 0..<150 {
      let storage = builder.storage.copy()
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let path = SegmentBuilder.path(UInt64.random(in: 0..<3, using: &generator))
        storage.edit(path) { bytes in
          let start = Int.random(in: 0..<bytes.count, using: &generator)
          let count = Int.random(in: 1...600, using: &generator)
          for index in start..<min(bytes.count, start + count) {
            bytes[index] = UInt8(truncatingIfNeeded: generator.next())
          }
        }
      }
      let repair = try mend(storage)
      let lost = Set(repair.losses.flatMap { Array($0.sequences) })
      let known = Dictionary(uniqueKeysWithValues: builder.records.map { ($0.sequence, $0) })
      let records = try read(storage)
      #expect(records.allSatisfy { known[$0.sequence] == $0 }, "seed \(seed), round \(round)")
      let missing = builder.records.map(\.sequence).filter { sequence in
        !records.contains { $0.sequence == sequence }
      }
      // What nothing proves durable any more may be taken for a torn tail.
      #expect(
        records.isEmpty || missing.filter { $0 < 8 }.allSatisfy(lost.contains),
        "seed \(seed), round \(round)"
      )
    }
  }
}
