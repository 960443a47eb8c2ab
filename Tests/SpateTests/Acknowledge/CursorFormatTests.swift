import CSpate
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

  /// A slot in which one word was changed by somebody who knows how to make checksums.
  private func changed(at offset: Int, to word: UInt32) -> [UInt8] {
    var bytes = bytes(of: slot)
    func store(_ word: UInt32, _ offset: Int) {
      for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: word >> UInt32(8 * index)) }
    }
    store(word, offset)
    store(unsafe bytes.withUnsafeBytes { unsafe spate_crc32c(0, $0.baseAddress!, 112) }, 112)
    return bytes
  }

  @Test func aSlotThatSaysWhatNoneCanSayIsDamaged() {
    // The bytes that are changed by nothing are a slot.
    #expect(decode(changed(at: 48, to: 5)) == .valid(slot))
    let changes: [(offset: Int, word: UInt32)] = [
      (0, 0x4554_4150), (8, 2), (8, 0), (12, 104), (12, 4100), (16, 1), (24, 1),
      // Counts of more than there is.
      (88, 1), (88, .max), (92, 1), (92, .max), (96, 200),
      // Numbers above 2^62.
      (52, 0x4000_0001), (60, 0x4000_0001), (68, 0x4000_0001), (84, 0x4000_0001),
    ]
    for change in changes {
      #expect(decode(changed(at: change.offset, to: change.word)) == .damaged, "\(change)")
    }
  }

  /// A file whose first pair holds slots of these generations.
  private func file(_ storage: MemoryStorage, a: UInt64, b: UInt64) throws {
    try storage.createDirectory("q")
    var file = CursorFile(storage: storage, directory: "q", capacity: 0, free: [])
    let pair = try file.takePair()
    for (side, generation) in [(0, a), (1, b)] {
      var slot = slot
      slot.generation = generation
      slot.sequence = 100 + generation
      let place = CursorFile.Pair(number: pair.number, side: side, generation: generation)
      try file.write([CursorFile.Write(slot: slot, pair: place)])
    }
  }

  private func load(_ storage: MemoryStorage) throws -> CursorFileContent {
    try CursorFileContent.load(from: storage, directory: "q", queueIdentifier: queue, isExpected: true)
  }

  @Test(arguments: [(4, 5), (5, 4), (9, 10), (1, 2)] as [(UInt64, UInt64)])
  func theSlotOfTheHigherGenerationCountsOnEitherSide(a: UInt64, b: UInt64) throws {
    let storage = MemoryStorage()
    try file(storage, a: a, b: b)
    let entry = try #require(try load(storage).entries.first)
    #expect(entry.slot.generation == max(a, b))
    #expect(entry.slot.sequence == 100 + max(a, b))
    // The next one goes where the older one stands.
    #expect(entry.pair.next == CursorFile.Pair(number: 0, side: a < b ? 0 : 1, generation: max(a, b) + 1))
  }

  @Test func aSlotThatTheMediumDoesNotGiveIsDamagedAndTheOtherOneCounts() throws {
    let storage = MemoryStorage()
    try file(storage, a: 4, b: 5)
    storage.state.withLock { $0.unreadable["q/" + Format.cursorsName] = [1] }
    let content = try load(storage)
    #expect(content.entries.map(\.slot.generation) == [4])
    #expect(!content.isIncomplete)
    storage.state.withLock { $0.unreadable["q/" + Format.cursorsName] = [0, 1] }
    let lost = try load(storage)
    #expect(lost.entries.isEmpty)
    #expect(lost.unreadablePairs == [0])
    #expect(lost.isIncomplete)
  }

  /// What recovery makes of pairs with these slots, of a log of 1000 records.
  private func resolve(_ slots: [CursorSlot]) -> [RecoveredCursor] {
    var content = CursorFileContent()
    for (number, slot) in slots.enumerated() {
      let pair = CursorFile.Pair(number: number, generation: slot.generation)
      content.entries.append(CursorFileContent.Entry(pair: pair, slot: slot))
    }
    return RecoveredCursor.resolve(
      content: content,
      frames: [],
      asked: RecoveredCursor.Asked(),
      segments: [],
      endSequence: 1000
    )
  }

  @Test func ofTwoPairsOfOneCursorTheOneThatWasWrittenLastCounts() {
    var older = slot
    older.generation = 3
    older.sequence = 900
    for slots in [[older, slot], [slot, older]] {
      #expect(resolve(slots).map(\.sequence) == [slot.sequence])
    }
  }

  @Test func ofTwoCursorsOfOneNameTheOneBehindCounts() {
    for high in [0, .max] as [UInt64] {
      var ahead = slot
      ahead.identifier = CursorIdentifier(high: high, low: 1)
      ahead.generation = 50
      ahead.sequence = 900
      let cursors = resolve([ahead, slot])
      #expect(cursors.map(\.sequence) == [slot.sequence, 900])
      #expect(cursors.map(\.isRemoved) == [false, true])
    }
  }

  @Test func theLongestNameFits() {
    var long = slot
    long.name = [UInt8](repeating: 0x61, count: 200)
    long.isRemoved = true
    #expect(decode(bytes(of: long)) == .valid(long))
  }
}
