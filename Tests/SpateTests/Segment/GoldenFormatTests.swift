import CSpate
import Testing

@testable import Spate

/// The bytes of every structure, fixed: a change here is a change of the format.
@Suite struct GoldenFormatTests {
  private static let identifier = QueueIdentifier(high: 0x0807_0605_0403_0201, low: 0x100F_0E0D_0C0B_0A09)

  private func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
  }

  private func encoded(_ count: Int, _ body: (UnsafeMutableRawPointer) -> Void) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: count)
    unsafe bytes.withUnsafeMutableBytes { unsafe body($0.baseAddress!) }
    return bytes
  }

  @Test func stampMixesSaltAndPositionOverAllSixtyFourBits() {
    #expect(Format.stamp(salt: 0x1122_3344_5566_7788, position: 0) == 0x1122_3344_5566_7788)
    #expect(Format.stamp(salt: 0, position: 1) == 0x9E37_79B9_7F4A_7C15)
    #expect(Format.stamp(salt: 0x1122_3344_5566_7788, position: 4096) == 0x66B9_A4B0_F2A7_2788)
    #expect(Format.stamp(salt: 0, position: 0) == 1)
    #expect(Format.paddingMask == 0x5041_4444_5041_4444)
  }

  @Test func frameHeaderHasItsThirtyTwoBytes() {
    let header = FrameHeader(
      type: .record,
      flags: [.continues],
      timestamp: 0x1817_1615_1413_1211,
      bodyByteCount: 0x0605,
      keyByteCount: 0x0201,
      headersByteCount: 3,
      stamp: 0x0807_0605_0403_0201,
      checksum: 0x0D0C_0B0A
    )
    let bytes = unsafe encoded(32) { unsafe header.encode(into: $0) }
    #expect(
      hex(bytes) == "0102030405060708" + "0a0b0c0d" + "05060000" + "1112131415161718" + "01010102"
        + "03000000"
    )
    let decoded = unsafe bytes.withUnsafeBytes { unsafe FrameHeader(decoding: $0.baseAddress!) }
    #expect(decoded == header)
    #expect(decoded.type == .record && decoded.flags == .continues)
    #expect(decoded.keyByteCount == 0x0201 && decoded.headersByteCount == 3)
    #expect(decoded.payloadByteCount == 0x0605 - 0x0201 - 3)
    #expect(decoded.frameByteCount == 32 + 0x0608)
  }

  @Test func chunkFrameHasItsEightyBytes() {
    let chunk = ChunkFrame(
      basePosition: 0x1000,
      baseSequence: 2,
      durablePosition: 3,
      durableSequence: 1,
      epoch: 5,
      statePosition: 6
    )
    let bytes = unsafe encoded(80) { unsafe chunk.encode(into: $0, salt: 7, timestamp: 8) }
    let stamp = Format.stamp(salt: 7, position: 0x1000)
    let body =
      "0010000000000000" + "0200000000000000" + "0300000000000000" + "0100000000000000"
      + "0500000000000000" + "0600000000000000"
    #expect(hex(bytes[0..<8]) == hex((0..<8).map { UInt8(truncatingIfNeeded: stamp >> (8 * $0)) }))
    #expect(hex(bytes[12..<32]) == "30000000" + "0800000000000000" + "0200000000000000")
    #expect(hex(bytes[32...]) == body)
    let checksum = unsafe bytes.withUnsafeBytes { unsafe spate_crc32c(0, $0.baseAddress! + 12, 68) }
    #expect(hex(bytes[8..<12]) == hex((0..<4).map { UInt8(truncatingIfNeeded: checksum >> (8 * $0)) }))
    let decoded = unsafe bytes.withUnsafeBytes {
      unsafe ChunkFrame(decodingFrame: $0.baseAddress!, position: 0x1000, salt: 7)
    }
    #expect(decoded == chunk)
  }

  @Test func frameChecksumIsTheSameWhetherChainedOrInPlace() {
    let payload: [UInt8] = Array(0..<100)
    var header = FrameHeader(type: .record, timestamp: 9, bodyByteCount: 100)
    header.checksum = unsafe payload.withUnsafeBytes {
      unsafe spate_crc32c_frame(header.bodyByteCount, header.timestamp, header.shape, $0.baseAddress!, 100)
    }
    let bytes = unsafe encoded(136) { unsafe header.encode(into: $0) }.prefix(32) + payload
    let whole = unsafe Array(bytes).withUnsafeBytes {
      unsafe header.computedChecksum(ofFrame: $0.baseAddress!)
    }
    #expect(whole == header.checksum)
  }

  @Test func identitySectorHasItsFields() {
    let identity = SegmentIdentity(
      blockByteCount: 4096,
      optionalFeatures: 0x21,
      segmentNumber: 0x22,
      byteCount: 0x10000,
      footerOffset: 0xF000,
      queueIdentifier: Self.identifier,
      createdTimestamp: 0x23
    )
    let bytes = unsafe encoded(512) { unsafe identity.encode(into: $0) }
    #expect(String(decoding: bytes[0..<8], as: UTF8.self) == "SPATESEG")
    #expect(
      hex(bytes[8..<88])
        == "01000000" + "00100000" + "0000000000000000" + "2100000000000000" + "2200000000000000"
        + "0000010000000000" + "00f0000000000000" + "00001000" + "00000000" + "0102030405060708"
        + "090a0b0c0d0e0f10" + "2300000000000000"
    )
    #expect(bytes[88..<508].allSatisfy { $0 == 0 })
    unsafe #expect(
      bytes.withUnsafeBytes { unsafe SegmentIdentity.decode($0.baseAddress!) } == .valid(identity)
    )
  }

  @Test func useSectorHasItsFields() {
    let use = SegmentUse(
      salt: 1,
      basePosition: 0x2000,
      baseSequence: 3,
      epoch: 4,
      fencingEpoch: 5,
      baseTimestamp: 6,
      flags: [.beginsAfterRecovery, .truncation],
      cutPosition: 0x1FF8
    )
    let bytes = unsafe encoded(512) { unsafe use.encode(into: $0) }
    #expect(String(decoding: bytes[0..<8], as: UTF8.self) == "SPATEUSE")
    #expect(
      hex(bytes[8..<72])
        == "01000000" + "03000000" + "0100000000000000" + "0020000000000000" + "0300000000000000"
        + "0400000000000000" + "0500000000000000" + "0600000000000000" + "f81f000000000000"
    )
    #expect(bytes[72..<508].allSatisfy { $0 == 0 })
    unsafe #expect(bytes.withUnsafeBytes { unsafe SegmentUse.decode($0.baseAddress!) } == .valid(use))
  }

  @Test func footerHasItsFields() {
    var footer = SegmentFooter(
      salt: 1,
      endPosition: 2,
      endSequence: 3,
      firstTimestamp: 4,
      lastTimestamp: 5,
      recordCount: 6
    )
    footer.add(chunkAt: 0x1000, sequence: 8, timestamp: 9, regionByteCount: 4096)
    footer.add(chunkAt: 0x2000, sequence: 8, timestamp: 9, regionByteCount: 4096)
    #expect(footer.entries.count == 1)
    let bytes = unsafe encoded(footer.byteCount) {
      unsafe footer.encode(into: UnsafeMutableRawBufferPointer(start: $0, count: footer.byteCount))
    }
    #expect(String(decoding: bytes[0..<8], as: UTF8.self) == "SPATEFTR")
    #expect(
      hex(bytes[8..<88])
        == (1...5).map { "0\($0)00000000000000" }.joined() + "01000000" + "00000000" + "0600000000000000"
        + "0010000000000000" + "0800000000000000" + "0900000000000000"
    )
    unsafe #expect(bytes.withUnsafeBytes { unsafe SegmentFooter(decoding: $0, salt: 1) } == footer)
    unsafe #expect(bytes.withUnsafeBytes { unsafe SegmentFooter(decoding: $0, salt: 2) } == nil)
  }

  @Test func manifestHasItsFields() {
    let manifest = QueueManifest(baseSequence: 1, createdTimestamp: 2, queueIdentifier: Self.identifier)
    let bytes = unsafe encoded(512) { unsafe manifest.encode(into: $0) }
    #expect(String(decoding: bytes[0..<8], as: UTF8.self) == "SPATEQUE")
    #expect(
      hex(bytes[8..<48]) == "01000000" + String(repeating: "0", count: 40)
        + "0100000000000000" + "0200000000000000"
    )
    #expect(hex(bytes[64..<80]) == "0102030405060708090a0b0c0d0e0f10")
    unsafe #expect(bytes.withUnsafeBytes { unsafe QueueManifest.decode($0.baseAddress!) } == .valid(manifest))
  }

  @Test func checkpointHasItsFields() {
    var checkpoint = QueueCheckpoint(queueIdentifier: Self.identifier)
    checkpoint.trimmedPosition = 1
    checkpoint.trimmedSequence = 2
    checkpoint.firstSegmentNumber = 3
    checkpoint.statePosition = 4
    checkpoint.durablePosition = 5
    checkpoint.durableSequence = 6
    checkpoint.content.fencingEpoch = 7
    checkpoint.epoch = 8
    checkpoint.content.metadata = ["k": [0xAA, 0xBB]]
    let cursor = CursorIdentifier(high: 9, low: 10)
    checkpoint.content.acknowledgements[CursorReference(queue: Self.identifier, cursor: cursor)] =
      Acknowledgement(identifier: cursor, epoch: 11, sequence: 12, ordinal: 13)
    let bytes = checkpoint.encoded()
    #expect(bytes.count == 120 + 8 + 1 + 2 + 56 + 4)
    #expect(String(decoding: bytes[0..<8], as: UTF8.self) == "SPATECKP")
    #expect(
      hex(bytes[8..<(bytes.count - 4)])
        == "01000000" + "bf000000" + "0000000000000000" + "0102030405060708090a0b0c0d0e0f10"
        + (1...8).map { "0\($0)00000000000000" }.joined() + "01000000" + "00000000"
        + "01000000" + "00000000" + "0100" + "0000" + "02000000" + "6b" + "aabb"
        + "0102030405060708090a0b0c0d0e0f10"
        + ["09", "0a", "0b", "0c", "0d"].map { $0 + "00000000000000" }.joined()
    )
    unsafe #expect(bytes.withUnsafeBytes { unsafe QueueCheckpoint.decode($0) } == checkpoint)
  }

  @Test func everyFlippedBitOfAHeaderSectorIsSeen() {
    let use = SegmentUse(salt: 1, basePosition: 0, baseSequence: 3, epoch: 4, baseTimestamp: 6)
    let good = unsafe encoded(512) { unsafe use.encode(into: $0) }
    for bit in 0..<4096 {
      var bytes = good
      bytes[bit / 8] ^= 1 << (bit % 8)
      unsafe #expect(bytes.withUnsafeBytes { unsafe SegmentUse.decode($0.baseAddress!) } == .damaged)
    }
  }

  @Test func newerFormatIsToldFromDamage() {
    let identity = SegmentIdentity(
      blockByteCount: 4096,
      requiredFeatures: 1 << 63,
      segmentNumber: 0,
      byteCount: 0x10000,
      footerOffset: 0xF000,
      queueIdentifier: Self.identifier,
      createdTimestamp: 0
    )
    let bytes = unsafe encoded(512) { unsafe identity.encode(into: $0) }
    unsafe #expect(
      bytes.withUnsafeBytes { unsafe SegmentIdentity.decode($0.baseAddress!) }
        == .unsupported(version: 1, requiredFeatures: 1 << 63)
    )
  }

  @Test func namesAndFooterRegionsAreAsDocumented() {
    #expect(Format.segmentName(0x1F) == "000000000000001f.segment")
    #expect(Format.segmentNumber(inName: "000000000000001f.segment") == 0x1F)
    #expect(Format.segmentNumber(inName: "000000000000001F.segment") == nil)
    #expect(Format.segmentNumber(inName: "1f.segment") == nil)
    #expect(Format.footerOffset(segmentByteCount: 65536, blockByteCount: 4096) == 61440)
    let largest: UInt64 = 256 << 20
    #expect(Format.footerOffset(segmentByteCount: largest, blockByteCount: 4096) == largest - 102_400)
    #expect(Format.footerOffset(segmentByteCount: 8192, blockByteCount: 4096) == nil)
  }
}
