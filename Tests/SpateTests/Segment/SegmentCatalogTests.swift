import Testing

@testable import Spate

@Suite struct SegmentCatalogTests {
  private func segment(_ number: UInt64, base: UInt64, sequence: UInt64, cut: UInt64? = nil)
    -> SegmentDescription
  {
    SegmentDescription(
      number: number,
      path: "q/\(number)",
      byteCount: 65536,
      footerOffset: 61440,
      blockByteCount: 4096,
      use: SegmentUse(
        salt: number + 1,
        basePosition: base,
        baseSequence: sequence,
        epoch: 1,
        baseTimestamp: 100 * number,
        cutPosition: cut
      )
    )
  }

  private func catalog() -> SegmentCatalog {
    SegmentCatalog(segments: [
      segment(3, base: 8192, sequence: 10), segment(4, base: 16384, sequence: 20, cut: 16000),
      segment(6, base: 20480, sequence: 20),
    ])
  }

  @Test func placesAreFoundByPositionSequenceAndTime() {
    let catalog = catalog()
    #expect(catalog.segment(containing: 8191) == nil)
    #expect(catalog.segment(containing: 8192)?.number == 3)
    #expect(catalog.segment(containing: 16383)?.number == 3)
    #expect(catalog.segment(containing: 16384)?.number == 4)
    #expect(catalog.segment(containing: .max)?.number == 6)
    #expect(catalog.segment(containingSequence: 9) == nil)
    #expect(catalog.segment(containingSequence: 19)?.number == 3)
    #expect(catalog.segment(containingSequence: 20)?.number == 6)
    #expect(catalog.segment(atTimestamp: 0)?.number == 3)
    #expect(catalog.segment(atTimestamp: 450)?.number == 4)
    #expect(catalog.segment(after: 3)?.number == 4)
    #expect(catalog.segment(after: 5)?.number == 6)
    #expect(catalog.segment(after: 6) == nil)
  }

  @Test func endsFollowFromTheNextSegmentsCut() {
    let segments = catalog().segments
    #expect(segments.map(\.endPosition) == [16000, 20480, nil])
    #expect(segments.map(\.endSequence) == [20, 20, nil])
  }

  @Test func appendCutsAndReturnsWhatATruncationDrops() {
    let catalog = catalog()
    let dropped = catalog.append(segment(7, base: 12288, sequence: 14, cut: 12000))
    #expect(dropped.map(\.number) == [4, 6])
    #expect(catalog.segments.map(\.number) == [3, 7])
    #expect(catalog.first?.endPosition == 12000)
    #expect(catalog.first?.endSequence == 14)
  }

  @Test func trimKeepsTheLastSegment() {
    let catalog = catalog()
    #expect(catalog.removeFirst()?.number == 3)
    #expect(catalog.removeFirst()?.number == 4)
    #expect(catalog.removeFirst() == nil)
    #expect(catalog.count == 1)
  }

  @Test func damageIsKnownWhereItIsAndKeptOnce() {
    let catalog = catalog()
    let range = DamagedRange(positions: 9000..<12288, sequences: 11..<14, segmentNumber: 3)
    catalog.add(range)
    catalog.add(range)
    #expect(catalog.damages == [range])
    #expect(catalog.damage(at: 9000) == range)
    #expect(catalog.damage(at: 12288) == nil)
    #expect(catalog.first?.isDamaged == true)
  }

  @Test func theNextDamageIsTheNearestOneBehindAPosition() {
    let catalog = catalog()
    #expect(catalog.damageBegin(after: 0) == nil)
    catalog.add(DamagedRange(positions: 17000..<17100, sequences: 20..<20, segmentNumber: 4))
    catalog.add(DamagedRange(positions: 9000..<9100, sequences: 11..<12, segmentNumber: 3))
    catalog.add(DamagedRange(positions: 12000..<12288, sequences: 13..<14, segmentNumber: 3))
    #expect(catalog.damageBegin(after: 0) == 9000)
    #expect(catalog.damageBegin(after: 8999) == 9000)
    // Who stands at damage asks for what comes behind it.
    #expect(catalog.damageBegin(after: 9000) == 12000)
    #expect(catalog.damageBegin(after: 11999) == 12000)
    #expect(catalog.damageBegin(after: 12000) == 17000)
    #expect(catalog.damageBegin(after: 17000) == nil)
    _ = catalog.cut(at: LogMark(position: 12000, sequence: 13))
    #expect(catalog.damageBegin(after: 9000) == nil)
  }
}
