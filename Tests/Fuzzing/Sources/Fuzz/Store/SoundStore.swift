@testable import Spate

/// A queue whose log is sound: one segment with records and two cursors' acknowledgements.
enum SoundStore {
  /// Its files.
  static let image: StoreImage = {
    var image = StoreImage()
    image.apply(patches.dropFirst(), allowed: Set(StoreImage.Kind.allCases))
    return image
  }()

  private static let byteCount: UInt64 = 24576
  private static let use = SegmentUse(
    salt: 77,
    basePosition: 0,
    baseSequence: 0,
    epoch: 3,
    baseTimestamp: 1
  )

  private static var patches: [UInt8] {
    var writer = PatchWriter(control: 0)
    writer.add(.segment, word: Int(byteCount) / 4096)
    let identity = SegmentIdentity(
      blockByteCount: 4096,
      segmentNumber: 0,
      byteCount: byteCount,
      footerOffset: Format.footerOffset(segmentByteCount: byteCount, blockByteCount: 4096)!,
      queueIdentifier: StoreImage.identifier,
      createdTimestamp: 1
    )
    writer.add(.sector, at: 0, unsafe bytes(512) { unsafe identity.encode(into: $0) })
    writer.add(.sector, at: Format.useSectorOffset, unsafe bytes(512) { unsafe use.encode(into: $0) })
    let chunk = ChunkFrame(
      basePosition: 0,
      baseSequence: 0,
      durablePosition: 0,
      durableSequence: 0,
      epoch: 3,
      statePosition: 8
    )
    writer.add(
      .frame,
      at: 4096,
      unsafe bytes(ChunkFrame.byteCount) { unsafe chunk.encode(into: $0, salt: use.salt, timestamp: 1) }
    )
    var offset = 4096 + ChunkFrame.byteCount
    for index in 0..<12 {
      let acknowledges = index % 4 == 3
      let key = acknowledges ? Array("cursor\(index / 4 % 2)".utf8) : []
      let payload = acknowledges ? acknowledgement(cursor: index / 4 % 2, through: index) : [1, 2]
      let frame = frame(acknowledges ? .acknowledgement : .record, payload, key: key)
      writer.add(.frame, at: offset, frame)
      offset += frame.count
    }
    return writer.bytes
  }

  private static func acknowledgement(cursor: Int, through index: Int) -> [UInt8] {
    let acknowledgement = Acknowledgement(
      identifier: CursorIdentifier(high: UInt64(cursor) + 1, low: 1),
      epoch: 3,
      sequence: UInt64(index / 2),
      ordinal: UInt64(index)
    )
    return unsafe bytes(Acknowledgement.headByteCount) { unsafe acknowledgement.encode(into: $0) }
  }

  private static func frame(_ type: FrameType, _ payload: [UInt8], key: [UInt8]) -> [UInt8] {
    let header = FrameHeader(
      type: type,
      timestamp: 2,
      bodyByteCount: payload.count + key.count,
      keyByteCount: key.count
    )
    var frame = unsafe bytes(header.frameByteCount) { unsafe header.encode(into: $0) }
    frame.replaceSubrange(32..<(32 + payload.count + key.count), with: payload + key)
    return frame
  }

  private static func bytes(_ count: Int, _ fill: (UnsafeMutableRawPointer) -> Void) -> [UInt8] {
    let buffer = BlockBuffer(byteCount: count, alignment: 4096)
    // SAFETY: the buffer lives through this function and is of `count` bytes.
    unsafe fill(buffer.bytes.baseAddress!)
    return unsafe Array(buffer.bytes)
  }
}
