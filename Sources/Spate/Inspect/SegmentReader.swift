/// Reads a segment frame by frame, each with its checksum checked, and goes on behind what cannot be read. One
/// thread; made by ``StoreInspector/segment(_:ofQueue:prefixByteCount:)``.
public struct SegmentReader {
  /// What stands in a segment.
  public enum Item: Sendable {
    /// A whole frame.
    case frame(FrameInspection)
    /// Bytes that readers pass over, and the sequences that are in them.
    case damage(DamagedRange)
  }

  /// What the segment's header says.
  public let segment: SegmentInspection
  private let description: SegmentDescription
  private let file: SegmentFile
  private let prefixByteCount: Int
  private var walk: SegmentWalk

  init(_ description: SegmentDescription, file: SegmentFile, prefixByteCount: Int) {
    segment = SegmentInspection(description, footer: file.footer(of: description))
    self.description = description
    self.file = file
    self.prefixByteCount = prefixByteCount
    walk = SegmentWalk(file: file, segment: description, start: description.use.base)
  }

  /// The next frame or damaged range; nil at the end of the segment's records. Blocks on the disk.
  public mutating func next() -> Item? {
    switch walk.next() {
    case .frame(let frame, let isInMemory):
      return .frame(
        FrameInspection(
          frame,
          in: walk,
          segment: description,
          isInMemory: isInMemory,
          prefixByteCount: prefixByteCount
        )
      )
    case .invalid where !description.isEnd(walk.position, walk.sequence): return passDamage()
    case .end, .invalid: return nil
    }
  }

  /// Goes to the next chunk; nil when there is nothing to go to and nothing lost.
  private mutating func passDamage() -> Item? {
    let place = LogMark(position: walk.position, sequence: walk.sequence)
    let limit = description.limitPosition
    let search = ChunkSearch(file: file, segment: description, limit: limit)
    let chunks = search.chunks(from: place.position + 1, before: limit)
    let next = chunks.first { $0.baseSequence >= place.sequence }?.base
    let end = next ?? LogMark(position: limit, sequence: description.endSequence ?? place.sequence)
    walk = SegmentWalk(file: file, segment: description, start: end)
    guard end.position > place.position else { return nil }
    return .damage(
      DamagedRange(
        positions: place.position..<end.position,
        sequences: place.sequence..<max(place.sequence, end.sequence),
        segmentNumber: description.number
      )
    )
  }
}

extension StoreInspector {
  /// Reads a segment of a queue frame by frame.
  ///
  /// - Parameters:
  ///   - number: the segment's number.
  ///   - name: the queue.
  ///   - prefixByteCount: how many bytes of payload and key come with each frame.
  /// - Throws: `notFound` when the log has no such segment; else as ``queue(named:)``.
  public func segment(
    _ number: UInt64,
    ofQueue name: String,
    prefixByteCount: Int = 64
  ) throws(SpateError) -> SegmentReader {
    let recovered = try recover(name)
    guard let segment = recovered.catalog.segments.first(where: { $0.number == number }) else {
      let numbers = recovered.catalog.segments.map(\.number)
      let range = numbers.isEmpty ? "it has none" : "it has \(numbers[0]) to \(numbers[numbers.count - 1])"
      throw SpateError(
        .notFound,
        "the log of queue \(name) has no segment \(number); \(range)",
        path: StoreLayout.directory(ofQueue: name)
      )
    }
    let file = try SegmentFile(storage: storage, path: segment.path)
    return SegmentReader(segment, file: file, prefixByteCount: prefixByteCount)
  }
}
