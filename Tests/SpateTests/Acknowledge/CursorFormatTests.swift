import Testing

@testable import Spate

/// The bytes of acknowledgement frames and cursor slots, so that another reader finds what the format promises.
@Suite struct CursorFormatTests {
  private let identifier = CursorIdentifier(high: 0x0102_0304_0506_0708, low: 0x1112_1314_1516_1718)
  private let queue = QueueIdentifier(high: 0x2122_2324_2526_2728, low: 0x3132_3334_3536_3738)

  private func bytes(of slot: CursorSlot) -> [UInt8] {
    let buffer = BlockBuffer(byteCount: CursorSlot.byteCount, alignment: 4096)
    unsafe slot.encode(into: buffer.bytes.baseAddress!)
    return unsafe Array(buffer.bytes)
  }

  private func decode(_ bytes: [UInt8]) -> CursorSlot.Decoding {
    unsafe bytes.withUnsafeBytes { unsafe CursorSlot.decode($0.baseAddress!, queueIdentifier: queue) }
  }

  private var slot: CursorSlot {
    CursorSlot(
      queueIdentifier: queue,
      identifier: identifier,
      name: Array("billing".utf8),
      generation: 5,
      epoch: 3,
      sequence: 0x41,
      ordinal: 0x5152
    )
  }

  @Test func anAcknowledgementHasItsBytes() {
    var payload = [UInt8](repeating: 0xEE, count: 48)
    let acknowledgement = Acknowledgement(
      identifier: identifier,
      epoch: 3,
      sequence: 0x41,
      ordinal: 0x61,
      isRemoved: true
    )
    unsafe payload.withUnsafeMutableBytes { unsafe acknowledgement.encode(into: $0.baseAddress!) }
    #expect(
      payload == [
        1, 0, 1, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
        3, 0, 0, 0, 0, 0, 0, 0, 0x41, 0, 0, 0, 0, 0, 0, 0, 0x61, 0, 0, 0, 0, 0, 0, 0,
      ]
    )
    #expect(Acknowledgement(decoding: payload) == acknowledgement)
    #expect(Acknowledgement(decoding: Array(payload.dropLast())) == nil)
    payload[0] = 2
    #expect(Acknowledgement(decoding: payload) == nil)
    payload[0] = 1
    payload[4] = 1
    // Ranges that are announced must be there; what they say is for later.
    #expect(Acknowledgement(decoding: payload) == nil)
    #expect(Acknowledgement(decoding: payload + [UInt8](repeating: 9, count: 16)) == acknowledgement)
  }

  @Test func aSlotHasItsBytes() {
    let bytes = bytes(of: slot)
    #expect(Array(bytes[0..<8]) == Array("SPATECUR".utf8))
    #expect(Array(bytes[8..<16]) == [1, 0, 0, 0, 116, 0, 0, 0])
    #expect(Array(bytes[16..<20]) == [0x28, 0x27, 0x26, 0x25])
    #expect(Array(bytes[32..<36]) == [8, 7, 6, 5])
    #expect(bytes[48] == 5 && bytes[56] == 3 && bytes[64] == 0x41 && bytes[80] == 0x52 && bytes[81] == 0x51)
    #expect(Array(bytes[96..<112]) == [7, 0, 0, 0, 0, 0, 0, 0] + Array("billing".utf8) + [0])
    #expect(bytes[116...].allSatisfy { $0 == 0 })
    #expect(decode(bytes) == .valid(slot))
  }

  @Test func everyFlippedBitOfASlotIsFound() {
    let good = bytes(of: slot)
    for bit in 0..<(116 * 8) {
      var bad = good
      bad[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(decode(bad) == .damaged)
    }
    #expect(decode([UInt8](repeating: 0, count: 4096)) == .blank)
  }

  @Test func theLongestNameFits() {
    var long = slot
    long.name = [UInt8](repeating: 0x61, count: 200)
    long.isRemoved = true
    #expect(decode(bytes(of: long)) == .valid(long))
  }
}
