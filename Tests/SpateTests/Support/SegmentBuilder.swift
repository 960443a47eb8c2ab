@testable import Spate

/// Writes a queue's segment files byte by byte, as the engine would have left them: for tests of recovery.
///
/// The log is a list of frames in chunks; `durable` is what the next chunk frames will claim. Used by one test.
struct SegmentBuilder {
  /// A record that was written, and where.
  struct Record: Equatable {
    var sequence: UInt64
    var position: UInt64
    var endPosition: UInt64
    var payload: [UInt8]
  }

  static let directory = "queues/q"
  static let identifier = QueueIdentifier(high: 0x0102_0304_0506_0708, low: 0x1112_1314_1516_1718)

  let storage: MemoryStorage
  private(set) var records: [Record] = []
  private(set) var position: UInt64 = 0
  private(set) var sequence: UInt64 = 0
  private(set) var number: UInt64 = 0
  private(set) var use = SegmentUse.unused
  private(set) var segmentByteCount: UInt64
  private(set) var chunkPositions: [UInt64] = []
  var durable = LogMark(position: 0, sequence: 0)
  var statePosition: UInt64 = 0
  var epoch: UInt64 = 1
  private var nextNumber: UInt64 = 0

  init(storage: MemoryStorage = MemoryStorage(), segmentByteCount: UInt64 = 65536) throws {
    self.storage = storage
    self.segmentByteCount = segmentByteCount
    try storage.createDirectory(Self.directory)
    try QueueManifest(baseSequence: 0, createdTimestamp: 7, queueIdentifier: Self.identifier)
      .create(in: storage, directory: Self.directory)
  }

  /// The path of a segment.
  static func path(_ number: UInt64) -> String { directory + "/" + Format.segmentName(number) }

  /// The path of the current segment.
  var path: String { Self.path(number) }

  /// Where a position of the current segment stands in its file.
  func offset(_ position: UInt64) -> Int { Int(4096 + position - use.basePosition) }

  /// Adds an unused, prepared segment.
  @discardableResult
  mutating func prepare() throws -> UInt64 {
    let made = try SegmentPreparer(
      storage: storage,
      directory: Self.directory,
      queueIdentifier: Self.identifier
    ).prepare(number: nextNumber, byteCount: segmentByteCount)
    storage.close(made.file)
    nextNumber += 1
    return made.number
  }

  /// Begins a segment where the log stands.
  mutating func roll(
    salt: UInt64 = .random(in: 1...(.max)),
    flags: SegmentUse.Flags = [],
    number prepared: UInt64? = nil
  ) throws {
    let base = Format.alignUp(position, to: 4096)
    number = try prepared ?? prepare()
    use = SegmentUse(
      salt: salt,
      basePosition: base,
      baseSequence: sequence,
      epoch: epoch,
      baseTimestamp: 1000 + sequence,
      flags: flags,
      cutPosition: position
    )
    if position % 4096 != 0, flags.isEmpty { use.cutPosition = base }
    let use = use
    storage.edit(path) { bytes in
      unsafe bytes.withUnsafeMutableBytes { unsafe use.encode(into: $0.baseAddress! + 512) }
    }
    position = base
  }

  /// Ends the current chunk with a padding word where there is room, and begins another.
  mutating func chunk(padding: Bool = true) {
    if padding, position % 4096 != 0 {
      store(Format.stamp(salt: use.salt, position: position) ^ Format.paddingMask, at: position)
    }
    position = Format.alignUp(position, to: 4096)
    let frame = ChunkFrame(
      basePosition: position,
      baseSequence: sequence,
      durablePosition: durable.position,
      durableSequence: durable.sequence,
      epoch: epoch,
      statePosition: statePosition
    )
    let (at, salt) = (offset(position), use.salt)
    storage.edit(path) { bytes in
      unsafe bytes.withUnsafeMutableBytes {
        unsafe frame.encode(into: $0.baseAddress! + at, salt: salt, timestamp: 5)
      }
    }
    chunkPositions.append(position)
    position += UInt64(ChunkFrame.byteCount)
  }

  /// Appends a frame; records and abandoned claims take a sequence.
  mutating func append(
    _ payload: [UInt8],
    type: FrameType = .record,
    flags: FrameFlags = [],
    key: [UInt8] = [],
    headers: [UInt8] = []
  ) {
    let body = payload + key + headers
    let header = FrameHeader(
      type: type,
      flags: flags,
      timestamp: 1000 + sequence,
      bodyByteCount: body.count,
      keyByteCount: key.count,
      headersByteCount: headers.count,
      stamp: Format.stamp(salt: use.salt, position: position)
    )
    let at = offset(position)
    storage.edit(path) { bytes in
      bytes.replaceSubrange((at + 32)..<(at + 32 + body.count), with: body)
      unsafe bytes.withUnsafeMutableBytes { bytes in
        var header = header
        unsafe header.encode(into: bytes.baseAddress! + at)
        header.checksum = unsafe header.computedChecksum(ofFrame: bytes.baseAddress! + at)
        unsafe header.encode(into: bytes.baseAddress! + at)
      }
    }
    let end = position + UInt64(header.frameByteCount)
    if type == .record {
      records.append(Record(sequence: sequence, position: position, endPosition: end, payload: payload))
    }
    if type.takesSequence { sequence += 1 }
    position = end
  }

  /// Says that everything up to here was synced: the next chunk frame will claim it.
  mutating func sync() { durable = LogMark(position: position, sequence: sequence) }

  /// Writes the current segment's footer.
  mutating func seal() {
    var footer = SegmentFooter(
      salt: use.salt,
      endPosition: position,
      endSequence: sequence,
      firstTimestamp: 1000,
      lastTimestamp: 1001,
      recordCount: sequence - use.baseSequence
    )
    footer.add(
      chunkAt: use.basePosition,
      sequence: use.baseSequence,
      timestamp: 5,
      regionByteCount: 4096
    )
    let at = Int(Format.footerOffset(segmentByteCount: segmentByteCount, blockByteCount: 4096)!)
    storage.edit(path) { bytes in
      unsafe bytes.withUnsafeMutableBytes {
        unsafe footer.encode(into: UnsafeMutableRawBufferPointer(rebasing: $0[at...]))
      }
    }
  }

  /// Goes back to an earlier place, as a truncation or a recovery does; the bytes stay.
  mutating func goBack(to mark: LogMark) {
    position = mark.position
    sequence = mark.sequence
    records.removeAll { $0.sequence >= mark.sequence }
  }

  /// The end of what was appended.
  var mark: LogMark { LogMark(position: position, sequence: sequence) }

  /// Begins the segment of a truncation that cuts at `mark`, in the next epoch.
  mutating func truncate(at mark: LogMark) throws {
    goBack(to: mark)
    epoch += 1
    durable = mark
    try roll(flags: .truncation)
  }

  /// Ends the chunk and leaves the rest of the stride to padding words, block by block.
  mutating func skipToStride() {
    let end = use.basePosition + Format.alignUp(position - use.basePosition, to: Format.strideByteCount)
    while position < end {
      store(Format.stamp(salt: use.salt, position: position) ^ Format.paddingMask, at: position)
      position = Format.alignUp(position + 8, to: 4096)
    }
  }

  private func store(_ word: UInt64, at position: UInt64) {
    let at = offset(position)
    storage.edit(path) { bytes in
      for index in 0..<8 { bytes[at + index] = UInt8(truncatingIfNeeded: word >> (8 * index)) }
    }
  }
}

/// Reads a recovered queue's records as a cursor would: around damage, across segments.
func readRecords(_ queue: RecoveredQueue, in storage: MemoryStorage) throws -> [SegmentBuilder.Record] {
  var found: [SegmentBuilder.Record] = []
  var place = LogMark(position: queue.beginPosition, sequence: queue.beginSequence)
  while place.position < queue.endPosition {
    if let damage = queue.catalog.damage(at: place.position) {
      place = LogMark(position: damage.positions.upperBound, sequence: damage.sequences.upperBound)
      continue
    }
    let segment = queue.catalog.segment(containing: place.position)!
    if place.position >= segment.limitPosition {
      guard let next = queue.catalog.segment(after: segment.number) else { break }
      place = next.use.base
      continue
    }
    let bytes = storage.bytes(segment.path)!
    let data = Array(bytes[4096..<min(bytes.count, Int(segment.footerOffset))])
    let stop = queue.catalog.damages.map(\.positions.lowerBound).filter { $0 > place.position }.min() ?? .max
    unsafe data.withUnsafeBytes { data in
      var scanner = unsafe FrameScanner(
        bytes: data,
        basePosition: segment.basePosition,
        start: place.position,
        sequence: place.sequence,
        salt: segment.salt,
        blockByteCount: 4096,
        limit: min(segment.limitPosition, stop)
      )
      while case .frame(let frame) = scanner.next() {
        guard frame.header.type == .record else { continue }
        let payload = unsafe Array(
          data[frame.bodyOffset..<(frame.bodyOffset + frame.header.payloadByteCount)]
        )
        found.append(
          SegmentBuilder.Record(
            sequence: frame.sequence,
            position: frame.position,
            endPosition: frame.endPosition,
            payload: payload
          )
        )
      }
      place = LogMark(position: max(scanner.position, place.position), sequence: scanner.sequence)
    }
    if place.position < min(segment.limitPosition, stop) {
      guard let next = queue.catalog.segment(after: segment.number) else { break }
      place = next.use.base
    }
  }
  return found
}
