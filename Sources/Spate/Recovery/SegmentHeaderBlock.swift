/// What the first block of a segment file says, and what could be made of it where it is damaged.
struct SegmentHeaderBlock: Equatable, Sendable {
  /// What kind of file it is.
  enum State: Equatable, Sendable {
    /// Holds a piece of the log.
    case used
    /// Prepared, and never used in this life.
    case unused
    /// Nothing was ever written there, or nothing that can be placed.
    case unreadable
  }

  /// What kind of file it is.
  var state: State
  /// The file as the catalog will know it. Without meaning when unreadable.
  var description: SegmentDescription
  /// Whether a damaged sector was made up for from the first chunk.
  var isRepaired = false
}

extension SegmentFile {
  /// Reads and judges the header block.
  ///
  /// A damaged identity is replaced by what the size and the store's block say, a damaged use by what the
  /// first chunk frame says: its position is in its body, and its stamp XOR that position is the salt. Throws
  /// `.unsupportedFormat` for a header of a newer format: such a file must not be touched.
  func header(number: UInt64, queueIdentifier: QueueIdentifier) throws(SpateError) -> SegmentHeaderBlock {
    let buffer = BlockBuffer(byteCount: Format.minimumBlockByteCount, alignment: Format.minimumBlockByteCount)
    unsafe read(into: buffer.bytes, at: 0)
    let start = unsafe UnsafeRawPointer(buffer.bytes.baseAddress!)
    let identityDecoding = unsafe SegmentIdentity.decode(start)
    let useDecoding = unsafe SegmentUse.decode(start + Format.useSectorOffset)
    if case .unsupported(let version, let features) = identityDecoding {
      throw SpateError(
        .unsupportedFormat,
        "The segment has format version \(version), features \(features); open it with a newer Spate.",
        path: path
      )
    }
    var identity = identityDecoding.value
    if identity?.queueIdentifier != queueIdentifier { identity = nil }
    // A recycled file has its new number before its new name is durable. It holds nothing, under either.
    let isUnused = useDecoding.value.map { !$0.isUsed } ?? false
    if identity?.segmentNumber != number, !isUnused { identity = nil }
    var description = SegmentDescription(
      number: number,
      path: path,
      byteCount: byteCount,
      footerOffset: 0,
      blockByteCount: storage.blockByteCount,
      use: useDecoding.value ?? .unused
    )
    if let identity {
      description.byteCount = identity.byteCount
      description.footerOffset = identity.footerOffset
      description.blockByteCount = identity.blockByteCount
    } else if let offset = Format.footerOffset(
      segmentByteCount: byteCount,
      blockByteCount: storage.blockByteCount
    ) {
      description.footerOffset = offset
    } else {
      return SegmentHeaderBlock(state: .unreadable, description: description)
    }
    if let use = useDecoding.value {
      if !use.isUsed {
        return SegmentHeaderBlock(state: identity == nil ? .unreadable : .unused, description: description)
      }
      guard use.basePosition % UInt64(description.blockByteCount) == 0,
        use.basePosition - use.cutPosition < UInt64(description.blockByteCount)
      else { return SegmentHeaderBlock(state: .unreadable, description: description) }
      if identity != nil { return SegmentHeaderBlock(state: .used, description: description) }
    }
    guard let found = firstChunk(blockByteCount: description.blockByteCount) else {
      return SegmentHeaderBlock(state: .unreadable, description: description)
    }
    if let use = useDecoding.value {
      guard use.salt == found.salt, use.basePosition == found.chunk.basePosition,
        use.baseSequence == found.chunk.baseSequence
      else {
        return SegmentHeaderBlock(state: .unreadable, description: description)
      }
    } else {
      description.use = SegmentUse(
        salt: found.salt,
        basePosition: found.chunk.basePosition,
        baseSequence: found.chunk.baseSequence,
        epoch: found.chunk.epoch,
        baseTimestamp: found.timestamp
      )
    }
    return SegmentHeaderBlock(state: .used, description: description, isRepaired: true)
  }

  /// The chunk frame at the beginning of the data area, with the salt that its stamp implies.
  private func firstChunk(blockByteCount: Int) -> (chunk: ChunkFrame, salt: UInt64, timestamp: UInt64)? {
    let buffer = BlockBuffer(byteCount: ChunkFrame.byteCount, alignment: 16)
    unsafe read(into: buffer.bytes, at: UInt64(blockByteCount))
    let frame = unsafe UnsafeRawPointer(buffer.bytes.baseAddress!)
    let header = unsafe FrameHeader(decoding: frame)
    let chunk = unsafe ChunkFrame(decodingBody: frame + FrameHeader.byteCount)
    // A stamp is its salt XOR its position times a constant, so the stamp of position p with salt 0 undoes
    // it.
    let salt =
      chunk.basePosition == 0
      ? header.stamp : header.stamp ^ Format.stamp(salt: 0, position: chunk.basePosition)
    guard header.stamp != 0, chunk.basePosition % UInt64(blockByteCount) == 0,
      unsafe ChunkFrame(decodingFrame: frame, position: chunk.basePosition, salt: salt) != nil
    else { return nil }
    return (chunk, salt, header.timestamp)
  }

  /// How many bytes are kept for the footer; nil when the file has no room for one.
  private func footerByteCount(of segment: SegmentDescription) -> Int? {
    guard byteCount >= segment.byteCount, segment.byteCount > segment.footerOffset else { return nil }
    return Int(segment.byteCount - segment.footerOffset)
  }

  /// Hints that the footer will be read soon.
  func prefetchFooter(of segment: SegmentDescription) {
    guard let count = footerByteCount(of: segment) else { return }
    prefetch(at: segment.footerOffset, byteCount: count)
  }

  /// The footer, where there is a whole one of this use.
  func footer(of segment: SegmentDescription) -> SegmentFooter? {
    guard let count = footerByteCount(of: segment) else { return nil }
    let buffer = BlockBuffer(byteCount: count, alignment: Format.minimumBlockByteCount)
    unsafe read(into: buffer.bytes, at: segment.footerOffset)
    guard
      let footer = unsafe SegmentFooter(decoding: UnsafeRawBufferPointer(buffer.bytes), salt: segment.salt),
      footer.endPosition >= segment.basePosition, footer.endPosition <= segment.capacityPosition,
      footer.endSequence >= segment.baseSequence, footer.endSequence <= Format.maximalNumber
    else { return nil }
    return footer
  }
}
