import CSpate
import Testing

/// CRC-32C: the published vectors, and every implementation equal to the definition.
@Suite(.serialized)
struct ChecksumTests {
  /// The implementations that this processor has.
  static let implementations = (0...3).filter { spate_crc32c_select(Int32($0)) == 0 }

  /// Bit by bit, from the definition.
  static func definition(_ seed: UInt32, _ bytes: ArraySlice<UInt8>) -> UInt32 {
    var state = ~seed
    for byte in bytes {
      state ^= UInt32(byte)
      for _ in 0..<8 { state = state & 1 == 1 ? (state >> 1) ^ 0x82F6_3B78 : state >> 1 }
    }
    return ~state
  }

  static func checksum(_ seed: UInt32, _ bytes: ArraySlice<UInt8>) -> UInt32 {
    unsafe bytes.withUnsafeBytes { unsafe spate_crc32c(seed, $0.baseAddress, $0.count) }
  }

  /// Bytes without a pattern that a shifted read could hide behind.
  static func noise(_ count: Int) -> [UInt8] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    return (0..<count).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return UInt8(truncatingIfNeeded: state >> 24)
    }
  }

  /// Runs with one implementation, then with the best again.
  static func using(_ implementation: Int, _ body: () -> Void) {
    #expect(spate_crc32c_select(Int32(implementation)) == 0)
    body()
    #expect(spate_crc32c_select(Int32(SPATE_CRC32C_BEST)) == 0)
  }

  @Test(arguments: implementations)
  func publishedVectorsHold(implementation: Int) {
    Self.using(implementation) {
      // RFC 3720, B.4, and the check value of the catalogues.
      #expect(Self.checksum(0, Array("123456789".utf8)[...]) == 0xE306_9283)
      #expect(Self.checksum(0, [UInt8](repeating: 0, count: 32)[...]) == 0x8A91_36AA)
      #expect(Self.checksum(0, [UInt8](repeating: 0xFF, count: 32)[...]) == 0x62A8_AB43)
      #expect(Self.checksum(0, [UInt8](0..<32)[...]) == 0x46DD_794E)
      #expect(Self.checksum(0, [UInt8]((0..<32).reversed())[...]) == 0x113F_DB5C)
      let nothing = (spate_crc32c(0, nil, 0), spate_crc32c(0x1234_5678, nil, 0))
      #expect(nothing == (0, 0x1234_5678))
    }
  }

  @Test(arguments: implementations)
  func everyLengthAndAlignmentEqualsTheDefinition(implementation: Int) {
    let bytes = Self.noise(700)
    // The definition at every length from every start, each from the one before.
    for start in 0..<33 {
      var expected: [UInt32] = [7]
      for count in 1...600 {
        expected.append(Self.definition(expected[count - 1], bytes[(start + count - 1)..<(start + count)]))
      }
      Self.using(implementation) {
        let wrong = (0...600).filter { Self.checksum(7, bytes[start..<(start + $0)]) != expected[$0] }
        #expect(wrong.isEmpty, "from \(start)")
      }
    }
  }

  @Test(arguments: implementations)
  func longMessagesEqualTheTable(implementation: Int) {
    let bytes = Self.noise(20_000)
    let counts = Array(1000...1200) + [2047, 2048, 3071, 3072, 3216, 4095, 4096, 8191, 16384, 19_983]
    var expected: [UInt32] = []
    Self.using(Int(SPATE_CRC32C_TABLE)) { expected = counts.map { Self.checksum(0, bytes[3..<(3 + $0)]) } }
    Self.using(implementation) {
      #expect(counts.map { Self.checksum(0, bytes[3..<(3 + $0)]) } == expected)
    }
  }

  @Test(arguments: implementations)
  func piecesChainToTheWhole(implementation: Int) {
    let bytes = Self.noise(400)
    let whole = Self.definition(0, bytes[...])
    Self.using(implementation) {
      let wrong = (0...400).filter { Self.checksum(Self.checksum(0, bytes[..<$0]), bytes[$0...]) != whole }
      #expect(wrong.isEmpty)
    }
  }

  @Test(arguments: implementations)
  func frameChecksumIsThatOfItsHeaderBytesAndPayload(implementation: Int) {
    let head: [UInt8] =
      [4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11] + (0x21...0x28).reversed()
    let bytes = Self.noise(2100)
    let seed = Self.definition(0, head[...])
    var expected: [UInt32] = [seed]
    for count in 1...2100 {
      expected.append(Self.definition(expected[count - 1], bytes[(count - 1)..<count]))
    }
    Self.using(implementation) {
      let wrong = (0...2100).filter { count in
        let value = unsafe bytes[..<count].withUnsafeBytes {
          unsafe spate_crc32c_frame(
            0x0102_0304,
            0x1112_1314_1516_1718,
            0x2122_2324_2526_2728,
            $0.baseAddress,
            $0.count
          )
        }
        return value != expected[count]
      }
      #expect(wrong.isEmpty)
    }
  }

  @Test func unknownImplementationsAreRefusedAndChangeNothing() {
    let before = spate_crc32c_implementation()
    #expect(spate_crc32c_select(99) < 0)
    #expect(spate_crc32c_implementation() == before)
    let name = unsafe String(cString: spate_crc32c_name())
    #expect(!name.isEmpty)
  }
}
