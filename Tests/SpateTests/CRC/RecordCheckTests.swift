import CSpate
import Testing

@testable import Spate

/// What a reader takes for an intact record, by every implementation.
@Suite(.serialized)
struct RecordCheckTests {
  /// A record's frame, with the checksum of the table.
  private static func frame(
    bodyByteCount: Int,
    type: FrameType = .record,
    flags: FrameFlags = [],
    keyByteCount: Int = 0,
    headersByteCount: Int = 0
  ) -> [UInt8] {
    let body = ChecksumTests.noise(bodyByteCount)
    var header = FrameHeader(
      type: type,
      flags: flags,
      timestamp: 0x1112_1314_1516_1718,
      bodyByteCount: bodyByteCount,
      keyByteCount: keyByteCount,
      headersByteCount: headersByteCount,
      stamp: 7
    )
    var bytes = [UInt8](repeating: 0, count: FrameHeader.byteCount) + body
    unsafe bytes.withUnsafeMutableBytes { unsafe header.encode(into: $0.baseAddress!) }
    header.checksum = ChecksumTests.definition(0, bytes[12...])
    unsafe bytes.withUnsafeMutableBytes { unsafe header.encode(into: $0.baseAddress!) }
    return bytes
  }

  private static func check(_ frame: [UInt8], available: Int? = nil) -> Int {
    unsafe frame.withUnsafeBytes { Int(unsafe spate_record_check($0.baseAddress!, available ?? $0.count)) }
  }

  @Test(arguments: ChecksumTests.implementations)
  func recordsOfEveryLengthAreIntactUntilAByteChanges(implementation: Int) {
    let counts = Array(0...700) + [1000, 1024, 2047, 2156, 2157, 2240, 2300, 4096, 9999]
    let frames = counts.map { Self.frame(bodyByteCount: $0) }
    ChecksumTests.using(implementation) {
      for (index, frame) in frames.enumerated() {
        var frame = frame
        #expect(Self.check(frame) == SPATE_RECORD_INTACT, "\(counts[index]) bytes")
        // Each byte that the checksum covers, of some frames; of the others one, at a place that moves.
        let places = index % 97 == 0 ? Array(8..<frame.count) : [8 + index * 13 % (frame.count - 8)]
        for place in places {
          frame[place] ^= 1 << UInt8(place % 8)
          #expect(Self.check(frame) == SPATE_RECORD_OTHER, "byte \(place) of \(counts[index])")
          frame[place] ^= 1 << UInt8(place % 8)
        }
      }
    }
  }

  @Test(arguments: ChecksumTests.implementations)
  func aRecordIsNotReadBeyondWhatIsThere(implementation: Int) {
    let frames = [0, 1, 100, 300, 1000].map { Self.frame(bodyByteCount: $0) }
    ChecksumTests.using(implementation) {
      for frame in frames {
        for missing in 1...min(frame.count, 40) {
          #expect(Self.check(frame, available: frame.count - missing) == SPATE_RECORD_OTHER)
        }
      }
    }
  }

  @Test(arguments: ChecksumTests.implementations)
  func onlyWellFormedRecordsAreTaken(implementation: Int) {
    let whole = Self.frame(bodyByteCount: 100, keyByteCount: 60, headersByteCount: 40)
    let first = Self.frame(bodyByteCount: 100, flags: .continues)
    let middle = Self.frame(bodyByteCount: 100, flags: [.continues, .continued], keyByteCount: 10)
    let last = Self.frame(bodyByteCount: 100, flags: .continued)
    let overlong = [
      Self.frame(bodyByteCount: 100, keyByteCount: 61, headersByteCount: 40),
      Self.frame(bodyByteCount: 100, headersByteCount: Int(UInt32.max)),
      Self.frame(bodyByteCount: 3, keyByteCount: 4),
    ]
    let others = [
      FrameType.chunk, .abandoned, .acknowledgement, .metadata, .fence, .void, FrameType(rawValue: 99),
    ]
    .map { Self.frame(bodyByteCount: 100, type: $0) }
    ChecksumTests.using(implementation) {
      #expect(Self.check(whole) == SPATE_RECORD_INTACT)
      #expect(Self.check(last) == SPATE_RECORD_INTACT)
      #expect(Self.check(first) == SPATE_RECORD_CONTINUES)
      #expect(Self.check(middle) == SPATE_RECORD_CONTINUES)
      for frame in overlong + others { #expect(Self.check(frame) == SPATE_RECORD_OTHER) }
    }
  }
}
