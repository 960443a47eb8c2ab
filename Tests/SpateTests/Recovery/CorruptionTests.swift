import Testing

@testable import Spate

/// Every kind of damage on one small store: two segments, the second with three chunks.
///
///     segment 0: chunk, records 0...3 | rolled, durable, footer
///     segment 1: chunk (durable: 4), records 4...6 | chunk (durable: 7), records 7, 8 | chunk (durable: 7), 9, 10
@Suite struct CorruptionTests {
  private let driver: CorruptionDriver
  private var builder: SegmentBuilder { driver.builder }

  private static func payload(_ index: Int, count: Int = 40) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index &* 13 &+ 1) }
  }

  init() throws {
    var builder = try SegmentBuilder(segmentByteCount: 24576)
    try builder.roll()
    builder.chunk()
    for index in 0..<4 { builder.append(Self.payload(index)) }
    builder.sync()
    builder.seal()
    try builder.roll()
    builder.chunk()
    for index in 4..<7 { builder.append(Self.payload(index)) }
    builder.sync()
    builder.chunk()
    for index in 7..<9 { builder.append(Self.payload(index)) }
    builder.chunk()
    for index in 9..<11 { builder.append(Self.payload(index)) }
    driver = CorruptionDriver(builder: builder, provenSequence: 7)
  }

  private var last: String { SegmentBuilder.path(1) }
  private func offset(_ sequence: UInt64) -> Int { builder.offset(builder.records[Int(sequence)].position) }
  private func end(_ sequence: UInt64) -> Int { builder.offset(builder.records[Int(sequence)].endPosition) }

  @Test func undamagedStoreIsWholeAndClean() throws {
    let (report, records, _) = try driver.open("undamaged") { _ in }
    #expect(report.isClean)
    #expect(records == builder.records)
    #expect(report.endPosition == builder.position)
  }

  @Test func truncationAtEveryByteOfTheLastFramesLosesOnlyWhatIsCut() throws {
    let gap = end(8)..<offset(9)
    for cut in offset(8)...end(10) where !gap.contains(cut) || cut % 97 == 0 {
      let (_, records, _) = try driver.open("cut at \(cut)") { storage in
        storage.edit(last) { $0.removeSubrange(cut...) }
      }
      #expect(records == builder.records.filter { builder.offset($0.endPosition) <= cut }, "\(cut)")
    }
  }

  @Test func everyFlippedByteOfTheLastFramesEndsTheLogThere() throws {
    for place in offset(10)..<end(10) {
      let (report, records, _) = try driver.open("flip \(place)") { storage in
        storage.edit(last) { $0[place] ^= 0x40 }
      }
      #expect(records == Array(builder.records.dropLast()), "\(place)")
      let position = builder.records[10].position
      if place < offset(10) + 8 {
        #expect(report.findings.isEmpty, "a stamp that is not ours is no frame")
      } else if place >= offset(10) + 32 || place < offset(10) + 12 {
        #expect(
          report.findings
            == [.tornTail(position: position, byteCount: UInt64(end(10) - offset(10)), segmentNumber: 1)]
        )
      }
    }
  }

  @Test func everyFlippedByteOfADurableRecordIsReportedExactly() throws {
    let range = DamagedRange(
      positions: builder.records[5].position..<builder.chunkPositions[2],
      sequences: 5..<7,
      segmentNumber: 1
    )
    for place in offset(5)..<end(5) {
      let (report, records, _) = try driver.open("flip \(place)") { storage in
        storage.edit(last) { $0[place] ^= 0x01 }
      }
      #expect(report.findings == [.damage(range)], "\(place)")
      #expect(records.map(\.sequence) == [0, 1, 2, 3, 4, 7, 8, 9, 10], "\(place)")
    }
  }

  @Test func zeroedSectorInDurableBytesIsDamage() throws {
    let (report, _, _) = try driver.open("zero") { storage in
      storage.edit(last) {
        $0.replaceSubrange(offset(4)..<end(4), with: repeatElement(0, count: end(4) - offset(4)))
      }
    }
    #expect(report.damages.map(\.sequences) == [4..<7])
  }

  @Test func damagedChunkFrameBelowTheWatermarkIsDamage() throws {
    let (report, _, _) = try driver.open("chunk") { storage in
      storage.edit(last) { $0[builder.offset(builder.chunkPositions[1]) + 40] ^= 1 }
    }
    #expect(report.damages.map(\.sequences) == [4..<7])
    #expect(report.damages.first?.positions == builder.chunkPositions[1]..<builder.chunkPositions[2])
  }

  @Test func swappedAndDuplicatedFramesAreNotRecords() throws {
    let size = end(9) - offset(9)
    #expect(size == end(10) - offset(10))
    let (_, swapped, _) = try driver.open("swap") { storage in
      storage.edit(last) { bytes in
        let (first, second) = (Array(bytes[offset(9)..<end(9)]), Array(bytes[offset(10)..<end(10)]))
        bytes.replaceSubrange(offset(9)..<end(9), with: second)
        bytes.replaceSubrange(offset(10)..<end(10), with: first)
      }
    }
    #expect(swapped == Array(builder.records[..<9]))
    let (_, duplicated, _) = try driver.open("duplicate") { storage in
      storage.edit(last) { bytes in
        bytes.replaceSubrange(end(10)..<(end(10) + size), with: Array(bytes[offset(10)..<end(10)]))
      }
    }
    #expect(duplicated == builder.records)
  }

  @Test func holeInTheUndurableTailHidesWhatFollows() throws {
    let (report, records, _) = try driver.open("hole") { storage in
      storage.edit(last) { bytes in
        let start = builder.offset(builder.chunkPositions[2])
        bytes.replaceSubrange(start..<(start + 4096), with: repeatElement(0, count: 4096))
      }
    }
    #expect(records == Array(builder.records[..<7]))
    let start = builder.chunkPositions[2]
    #expect(
      report.findings
        == [.tornTail(position: start, byteCount: builder.position - start, segmentNumber: 1)]
    )
  }

  @Test func staleFramesOfAnEarlierUseAreNeverRead() throws {
    var stale = try SegmentBuilder(segmentByteCount: 24576)
    try stale.roll(salt: 99)
    stale.chunk()
    for index in 0..<120 { stale.append(Self.payload(index, count: 80)) }
    let old = stale.storage.bytes(stale.path)!
    let (report, records, _) = try driver.open("stale") { storage in
      storage.edit(last) { bytes in
        for place in end(10)..<bytes.count { bytes[place] = old[place] }
      }
    }
    #expect(report.isClean)
    #expect(records == builder.records)
  }

  @Test func missingFooterIsReportedAndCostsNothing() throws {
    let (report, records, _) = try driver.open("footer") { storage in
      storage.edit(SegmentBuilder.path(0)) { bytes in
        bytes.replaceSubrange(20480..<24576, with: repeatElement(0, count: 4096))
      }
    }
    #expect(records == builder.records)
    // The segment lies below the proven watermark, so recovery does not even look for its footer.
    #expect(report.findings.allSatisfy { $0 == .missingFooter(segmentNumber: 0) })
  }

  @Test func halfMadeSegmentIsRemoved() throws {
    let name = Format.segmentName(2, suffix: Format.preparingSuffix)
    let (report, records, storage) = try driver.open("half-made") { storage in
      storage.state.withLock { $0.files[SegmentBuilder.directory + "/" + name] = [1, 2, 3] }
    }
    #expect(report.findings == [.halfMadeSegment(name: name)])
    #expect(records == builder.records)
    #expect(storage.bytes(SegmentBuilder.directory + "/" + name) == nil)
  }

  @Test(arguments: [0, 512]) func garbageInAHeaderSectorIsMadeUpForFromTheFirstChunk(sector: Int) throws {
    for number in 0..<UInt64(2) {
      let (report, records, _) = try driver.open("header \(number) \(sector)") { storage in
        storage.edit(SegmentBuilder.path(number)) { bytes in
          for place in sector..<(sector + 512) { bytes[place] = UInt8(truncatingIfNeeded: place &* 31) }
        }
      }
      #expect(report.findings == [.repairedHeader(segmentNumber: number)])
      #expect(records == builder.records)
    }
  }

  @Test func fileCutInsideItsHeaderIsSetAsideAndNeverDeleted() throws {
    let (report, records, storage) = try driver.open("short", recoversProof: false) { storage in
      storage.edit(last) { $0.removeSubrange(700...) }
    }
    let aside = SegmentBuilder.directory + "/aside/" + Format.segmentName(1)
    #expect(report.findings == [.unreadableHeader(segmentNumber: 1), .setAside(path: aside)])
    #expect(records == Array(builder.records[..<4]))
    #expect(storage.bytes(aside)?.count == 700)
  }

  @Test func badSectorIsDamageNotAFailure() throws {
    let block = UInt64(builder.offset(builder.chunkPositions[1])) / 4096
    let (report, records, _) = try driver.open("bad sector") { storage in
      storage.state.withLock { $0.unreadable[last] = [block] }
    }
    // The first chunk frame goes with the block, so the header's word and the next chunk have to do.
    #expect(report.damages.map(\.sequences) == [4..<7])
    #expect(records.map(\.sequence).suffix(4) == [7, 8, 9, 10])
  }

  @Test func missingMiddleSegmentIsReportedWithItsRecords() throws {
    var builder = builder
    builder.sync()
    try builder.roll()
    builder.chunk()
    builder.append(Self.payload(11))
    let driver = CorruptionDriver(builder: builder, provenSequence: 11)
    let base = builder.use.basePosition
    let (report, records, _) = try driver.open("missing") { storage in
      storage.state.withLock { _ = $0.files.removeValue(forKey: SegmentBuilder.path(1)) }
    }
    #expect(report.damages.map(\.sequences) == [4..<11])
    #expect(report.damages.first?.positions.upperBound == base)
    #expect(records.map(\.sequence) == [0, 1, 2, 3, 11])
  }
}
