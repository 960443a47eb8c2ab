import Glibc
import Testing

@testable import Spate

/// What a repair writes in the place of what is lost: frames without a break, from the first byte to the last.
@Suite struct RangeFillerTests {
  /// A segment in which something stands that no reader may meet again.
  private static func builder(segmentByteCount: UInt64) throws -> SegmentBuilder {
    var builder = try SegmentBuilder(segmentByteCount: segmentByteCount)
    try builder.roll()
    builder.storage.edit(builder.path) { bytes in
      bytes.replaceSubrange(4096..., with: [UInt8](repeating: 0xA5, count: bytes.count - 4096))
    }
    return builder
  }

  private static func segment(_ builder: SegmentBuilder) throws -> SegmentDescription {
    let byteCount = builder.segmentByteCount
    return SegmentDescription(
      number: builder.number,
      path: builder.path,
      byteCount: byteCount,
      footerOffset: try #require(Format.footerOffset(segmentByteCount: byteCount, blockByteCount: 4096)),
      blockByteCount: 4096,
      use: builder.use
    )
  }

  private static func isSame(_ some: ArraySlice<UInt8>, _ other: ArraySlice<UInt8>) -> Bool {
    unsafe some.withUnsafeBytes { some in
      unsafe other.withUnsafeBytes { other in
        guard some.count == other.count, let left = some.baseAddress, let right = other.baseAddress else {
          return false
        }
        return unsafe memcmp(left, right, some.count) == 0
      }
    }
  }

  /// The frames that stand in a gap after it was filled; nil when it was left as it was. Nothing else is written.
  private func fill(_ builder: SegmentBuilder, at begin: UInt64, byteCount: UInt64, lost: Int) throws
    -> [FrameScanner.Frame]?
  {
    let segment = try Self.segment(builder)
    let storage = builder.storage.copy()
    let gap = DamageAnatomy.Gap(positions: begin..<begin + byteCount, sequences: 7..<7 + UInt64(lost))
    let file = try storage.open(segment.path, .readWrite)
    var filler = RangeFiller(storage: storage, file: file, segment: segment, at: begin, timestamp: 77)
    let chunk = ChunkFrame(
      basePosition: begin,
      baseSequence: 7,
      durablePosition: 0,
      durableSequence: 0,
      epoch: 1,
      statePosition: 8
    )
    let isFilled = try filler.fill(gap, chunk: chunk)
    let before = try #require(builder.storage.bytes(segment.path))
    let after = try #require(storage.bytes(segment.path))
    guard isFilled else {
      #expect(Self.isSame(after[...], before[...]))
      return nil
    }
    let offsets = builder.offset(begin)..<builder.offset(begin + byteCount)
    #expect(Self.isSame(after[..<offsets.lowerBound], before[..<offsets.lowerBound]))
    #expect(Self.isSame(after[offsets.upperBound...], before[offsets.upperBound...]))
    return unsafe after[4096...].withUnsafeBytes { bytes in
      var scanner = unsafe FrameScanner(
        bytes: bytes,
        basePosition: segment.basePosition,
        start: begin,
        sequence: 7,
        salt: segment.salt,
        blockByteCount: 4096,
        limit: begin + byteCount
      )
      var frames: [FrameScanner.Frame] = []
      while case .frame(let frame) = scanner.next() { frames.append(frame) }
      let end = scanner.position
      let sequence = scanner.sequence
      #expect(end == begin + byteCount, "\(byteCount) bytes at \(begin), \(lost) lost")
      #expect(sequence == 7 + UInt64(lost))
      return frames
    }
  }

  @Test(arguments: [80, 4096 + 80, 4096] as [UInt64])
  func everyGapThatHoldsItsFramesIsFilledToTheLastByte(begin: UInt64) throws {
    let builder = try Self.builder(segmentByteCount: 32768)
    for lost in 0..<4 {
      for byteCount in stride(from: 8, through: 280, by: 8) as StrideThrough<UInt64> {
        let header = UInt64(FrameHeader.byteCount)
        let filled = try fill(builder, at: begin, byteCount: byteCount, lost: lost)
        // A void frame needs a header as well.
        let isFilled = filled != nil
        #expect(isFilled == (byteCount >= max(1, UInt64(lost)) * header), "\(byteCount) bytes, \(lost) lost")
        guard let frames = filled else { continue }
        let rest = Int(byteCount) - lost * FrameHeader.byteCount - ChunkFrame.byteCount
        let hasRoom = rest == 0 || rest > 0 && lost > 0 || rest >= FrameHeader.byteCount
        let hasChunk = begin % 4096 == 0 && hasRoom
        let types: [FrameType] = (hasChunk ? [.chunk] : []) + (0..<lost).map { _ in .abandoned }
        let found = frames.map(\.header.type)
        try #require(found == types || found == types + [.void], "\(byteCount) bytes, \(lost) lost")
        let isTimed = frames.allSatisfy { $0.header.timestamp == 77 }
        #expect(isTimed)
      }
    }
  }

  /// Around the size of a piece, where a rest must not be too small for a frame.
  @Test(arguments: [-40, -32, -8, 0, 8, 16, 24, 32, 1 << 20, (1 << 20) + 8])
  func aLargeGapIsFilledToTheLastByte(difference: Int) throws {
    let builder = try Self.builder(segmentByteCount: 4 << 20)
    let byteCount = UInt64((1 << 20) + difference)
    for lost in [0, 3] {
      let frames = try #require(try fill(builder, at: 80, byteCount: byteCount, lost: lost))
      let abandonedCount = frames.count { $0.header.type == .abandoned }
      #expect(abandonedCount == lost)
      let largest = frames.map(\.header.frameByteCount).max() ?? 0
      #expect(largest <= 1 << 20)
    }
  }

  @Test func moreLostRecordsThanAPieceHoldsHaveAFrameEach() throws {
    let builder = try Self.builder(segmentByteCount: 4 << 20)
    let lost = 40_000
    let frames = try #require(try fill(builder, at: 0, byteCount: UInt64(lost * 32 + 80 + 104), lost: lost))
    let abandonedCount = frames.count { $0.header.type == .abandoned }
    #expect(abandonedCount == lost)
    let ends = [frames.first?.header.type, frames.last?.header.type]
    #expect(ends == [.chunk, .void])
  }
}
