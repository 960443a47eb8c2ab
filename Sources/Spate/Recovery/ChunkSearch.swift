/// Finds chunk frames in a segment without walking its frames: at strides, or block by block behind damage.
///
/// Recovery uses it, and a cursor that met damage: it can read on at the next of `chunks(from:before:)`. One
/// thread.
struct ChunkSearch {
  /// The open file.
  let file: SegmentFile
  /// The segment.
  let segment: SegmentDescription
  /// Where the segment's part of the log ends.
  let limit: UInt64

  /// Where the file ends, if that is before the limit: a header may say more than a file that was cut has.
  private var readableLimit: UInt64 {
    let data = file.byteCount > segment.dataOffset ? file.byteCount - segment.dataOffset : 0
    return min(limit, segment.basePosition + data)
  }

  /// Whether a chunk agrees with the segment's header about the sequences.
  private func belongs(_ chunk: ChunkFrame) -> Bool {
    chunk.basePosition == segment.basePosition
      ? chunk.baseSequence == segment.baseSequence : chunk.baseSequence >= segment.baseSequence
  }

  /// How much the block-wise search reads at once.
  private static let windowByteCount = 1 << 20

  /// The valid chunk frames at the strides of the data area at or beyond `start`, ascending.
  ///
  /// Reads 80 bytes for each stride, whatever the segment holds.
  func chunksAtStrides(from start: UInt64) -> [ChunkFrame] {
    let places = strides(from: start)
    prefetch(places[...])
    let buffer = BlockBuffer(byteCount: ChunkFrame.byteCount, alignment: 16)
    return places.compactMap { chunk(at: $0, buffer) }
  }

  /// The last valid chunk frame at a stride, looked for from the limit backwards.
  ///
  /// - Parameter count: how many strides the disk is asked for together, and at least ahead; 0 where the last is likely
  ///   to be there.
  func lastChunkAtStride(prefetching count: Int = 0) -> ChunkFrame? {
    let buffer = BlockBuffer(byteCount: ChunkFrame.byteCount, alignment: 16)
    let places = strides(from: segment.basePosition)
    var asked = places.endIndex
    for index in places.indices.reversed() {
      if count > 0, asked > 0, index < asked + count {
        let next = max(0, asked - count)
        prefetch(places[next..<asked])
        asked = next
      }
      if let chunk = chunk(at: places[index], buffer) { return chunk }
    }
    return nil
  }

  /// Hints that the log will be read from the stride before `start` on, up to where a walk that ends in the chunks behind
  /// `last` looks for more.
  func prefetch(from start: UInt64, beyond last: UInt64) {
    let distance = max(start, segment.basePosition) - segment.basePosition
    let begin = segment.basePosition + Format.alignDown(distance, to: Format.strideByteCount)
    let end = min(readableLimit, last + UInt64(2 * Format.strideByteCount), begin + Self.prefetchLimit)
    guard begin < end else { return }
    file.prefetch(at: offset(of: begin), byteCount: Int(end - begin))
  }

  private func prefetch(_ places: ArraySlice<UInt64>) {
    for place in places { file.prefetch(at: offset(of: place), byteCount: ChunkFrame.byteCount) }
  }

  /// The most that is asked for at a time.
  private static var prefetchLimit: UInt64 { 16 << 20 }

  /// The positions at or beyond `start` at which a chunk begins, if the log reaches so far.
  private func strides(from start: UInt64) -> [UInt64] {
    let distance = max(start, segment.basePosition) - segment.basePosition
    let first = segment.basePosition + Format.alignUp(distance, to: Format.strideByteCount)
    return Array(stride(from: first, to: max(first, readableLimit), by: Format.strideByteCount))
  }

  /// Where a position stands in the file, which may say more of itself than its header does.
  private func offset(of position: UInt64) -> UInt64 {
    segment.dataOffset + (position - segment.basePosition)
  }

  private func chunk(at position: UInt64, _ buffer: BlockBuffer) -> ChunkFrame? {
    unsafe file.read(into: buffer.bytes, at: offset(of: position))
    let chunk = unsafe ChunkFrame(
      decodingFrame: UnsafeRawPointer(buffer.bytes.baseAddress!),
      position: position,
      salt: segment.salt
    )
    return chunk.flatMap { belongs($0) ? $0 : nil }
  }

  /// The valid chunk frames at block boundaries in `start..<end`, ascending.
  func chunks(from start: UInt64, before end: UInt64) -> [ChunkFrame] {
    var found: [ChunkFrame] = []
    unsafe search(from: start, before: end) { window, base in
      for offset in stride(from: 0, through: window.count - ChunkFrame.byteCount, by: segment.blockByteCount)
      where base + UInt64(offset) >= start {
        // SAFETY: the offset leaves room for a chunk frame.
        if let chunk = unsafe ChunkFrame(
          decodingFrame: window.baseAddress! + offset,
          position: base + UInt64(offset),
          salt: segment.salt
        ), belongs(chunk) {
          found.append(chunk)
        }
      }
    }
    return found
  }

  /// Where the last word in `start..<end` that is this use's stamp for its own place says that its frame
  /// ends. Such a word is no proof of a whole frame, but nothing else in the file imitates it.
  func endOfStampedFrames(from start: UInt64, before end: UInt64) -> UInt64? {
    var found: UInt64?
    unsafe search(from: start, before: end) { window, base in
      for offset in stride(from: 0, through: window.count - FrameHeader.byteCount, by: Format.frameAlignment)
      {
        let position = base + UInt64(offset)
        // SAFETY: the offset leaves room for a header.
        let word = unsafe UInt64(littleEndian: window.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        guard position >= start, word == Format.stamp(salt: segment.salt, position: position) else {
          continue
        }
        let header = unsafe FrameHeader(decoding: window.baseAddress! + offset)
        found = min(limit, position + UInt64(header.frameByteCount))
      }
    }
    return found
  }

  /// Where the frame at `position` says that it ends; nil when no stamp stands there.
  func announcedEnd(at position: UInt64) -> UInt64? {
    guard position + UInt64(FrameHeader.byteCount) <= limit else { return nil }
    let buffer = BlockBuffer(byteCount: FrameHeader.byteCount, alignment: 16)
    unsafe file.read(into: buffer.bytes, at: segment.fileOffset(of: position))
    let header = unsafe FrameHeader(decoding: UnsafeRawPointer(buffer.bytes.baseAddress!))
    guard header.stamp == Format.stamp(salt: segment.salt, position: position) else { return nil }
    return min(limit, position + UInt64(header.frameByteCount))
  }

  /// Calls `body` with windows that cover `start..<end` and begin at block boundaries.
  private func search(
    from start: UInt64,
    before end: UInt64,
    _ body: (UnsafeRawBufferPointer, UInt64) -> Void
  ) {
    let end = min(end, readableLimit)
    var position = Format.alignDown(start, to: segment.blockByteCount)
    guard position < end else { return }
    let buffer = BlockBuffer(
      byteCount: min(
        Self.windowByteCount,
        Int(Format.alignUp(end - position, to: segment.blockByteCount))
      ),
      alignment: Format.minimumBlockByteCount,
      isZeroed: false
    )
    while position < end {
      let count = min(buffer.byteCount, Int(end - position))
      let window = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count])
      unsafe file.read(into: window, at: segment.fileOffset(of: position))
      unsafe body(UnsafeRawBufferPointer(window), position)
      position += UInt64(count)
    }
  }
}
