import Testing

@testable import Spate

@Suite struct FrameScannerTests {
  /// Three records, padding, a second chunk with a record: positions from 0.
  private func log() throws -> (SegmentBuilder, [UInt8]) {
    var builder = try SegmentBuilder()
    try builder.roll(salt: 77)
    builder.chunk()
    builder.append([1, 2, 3], key: [4], headers: [5, 6])
    builder.append([], type: .abandoned)
    builder.append([7])
    builder.chunk()
    builder.append(Array(repeating: 9, count: 300))
    return (builder, Array(builder.storage.bytes(builder.path)![4096..<61440]))
  }

  private func walk(
    _ bytes: [UInt8],
    from start: UInt64 = 0,
    sequence: UInt64 = 0,
    salt: UInt64 = 77,
    limit: UInt64 = .max
  ) -> (frames: [FrameScanner.Frame], end: String) {
    unsafe bytes.withUnsafeBytes { bytes in
      var scanner = unsafe FrameScanner(
        bytes: bytes,
        basePosition: 0,
        start: start,
        sequence: sequence,
        salt: salt,
        blockByteCount: 4096,
        limit: limit
      )
      var frames: [FrameScanner.Frame] = []
      while true {
        switch scanner.next() {
        case .frame(let frame): frames.append(frame)
        case .invalid(let position): return (frames, "invalid \(position)")
        case .end(let position): return (frames, "end \(position)")
        case .needsBytes(let position, let count): return (frames, "needs \(count) at \(position)")
        }
      }
    }
  }

  @Test func framesComeInOrderWithSequencesAndPaddingIsPassedOver() throws {
    let (builder, bytes) = try log()
    let (frames, end) = walk(bytes)
    #expect(frames.map(\.header.type) == [.chunk, .record, .abandoned, .record, .chunk, .record])
    #expect(frames.map(\.sequence) == [0, 0, 1, 2, 3, 3])
    #expect(frames[4].position == 4096)
    #expect(end == "invalid \(builder.position)")
    #expect(Array(bytes[frames[1].bodyOffset..<(frames[1].bodyOffset + 6)]) == [1, 2, 3, 4, 5, 6])
  }

  @Test func everyCutAsksForBytesAndNeverReadsBeyond() throws {
    let (_, bytes) = try log()
    let whole = walk(bytes).frames
    for count in 0..<4600 {
      let (frames, end) = walk(Array(bytes[..<count]))
      let fit = whole.filter { $0.endPosition <= UInt64(count) }
      #expect(frames.count == fit.count)
      #expect(
        end.hasPrefix("needs") || end.hasPrefix("invalid \(whole.last!.endPosition)"),
        "\(count): \(end)"
      )
    }
  }

  @Test func everyFlippedBitOfAFrameIsSeen() throws {
    let (_, bytes) = try log()
    let frame = walk(bytes).frames[1]
    for bit in 0..<((32 + 6) * 8) {
      var damaged = bytes
      damaged[Int(frame.position) + bit / 8] ^= 1 << (bit % 8)
      let (frames, end) = walk(damaged)
      #expect(frames.count == 1)
      #expect(end == "invalid 80" || end.hasPrefix("needs"), "bit \(bit): \(end)")
    }
  }

  @Test func frameOfAnotherUseOrPlaceIsNothing() throws {
    let (_, bytes) = try log()
    #expect(walk(bytes, salt: 78).end == "invalid 0")
    #expect(walk([UInt8](repeating: 0, count: 8192)).end == "invalid 0")
    var moved = bytes
    moved.replaceSubrange(4096..<8192, with: bytes[0..<4096])
    #expect(walk(moved, from: 4096, sequence: 0).end == "invalid 4096")
  }

  @Test func chunkFrameMustCarryTheSequenceOfTheWalk() throws {
    let (_, bytes) = try log()
    #expect(walk(bytes, sequence: 1).end == "invalid 0")
  }

  @Test func limitEndsTheWalkAndCutsLongerFrames() throws {
    let (_, bytes) = try log()
    #expect(walk(bytes, limit: 80).end == "end 80")
    #expect(walk(bytes, limit: 88).end == "invalid 80")
    #expect(walk(bytes, limit: 4096).end == "end 4096")
  }

  @Test func lengthsThatDoNotAddUpAreInvalid() throws {
    let (_, bytes) = try log()
    var damaged = bytes
    damaged[80 + 26] = 200
    #expect(walk(damaged).end == "invalid 80")
    damaged = bytes
    damaged.replaceSubrange(92..<96, with: [255, 255, 255, 255])
    #expect(walk(damaged, limit: 57344).end == "invalid 80")
  }
}
