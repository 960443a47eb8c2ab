// Checking one queue.
extension StoreInspector {
  /// Checks a queue. Beside an owner, damage counts only if it is still there at another look: what is written
  /// just now may look like it.
  func verify(
    queue name: String,
    done: UInt64,
    progress: (UInt64) -> Void
  ) throws(SpateError) -> StoreVerification {
    var verification = try trying { () throws(SpateError) in
      try QueueVerifier(inspector: self, name: name, done: done).run(progress)
    }
    for _ in 0..<2 where !verification.isSound {
      guard try owner != nil else { break }
      verification = try trying { () throws(SpateError) in
        try QueueVerifier(inspector: self, name: name, done: done).run { _ in }
      }
    }
    return verification
  }
}

/// One check of a queue: a recovery of all of its log that changes nothing, and a close look at what that found.
struct QueueVerifier {
  private let storage: any Storage
  private let name: String
  private let directory: String
  /// Bytes of other queues that were checked before, for the progress.
  private let done: UInt64
  private var result = StoreVerification()

  init(inspector: StoreInspector, name: String, done: UInt64) {
    storage = inspector.storage
    self.name = name
    self.done = done
    directory = StoreLayout.directory(ofQueue: name)
  }

  /// Runs the check.
  consuming func run(_ progress: (UInt64) -> Void) throws(SpateError) -> StoreVerification {
    result.queueCount = 1
    guard let manifest = try loadManifest() else { return result }
    var seen: Set<UInt64> = []
    var byteCount: UInt64 = 0
    let recovered = try withoutActuallyEscaping(progress) { [done] progress throws(SpateError) in
      try QueueRecovery.run(
        storage: storage,
        directory: directory,
        manifest: manifest,
        isReadOnly: true,
        scope: .everything { segment in
          guard seen.insert(segment.number).inserted else { return }
          progress(done + byteCount)
          byteCount += segment.capacityPosition - segment.basePosition
        },
        destinations: DestinationLookup(storage: storage, isReadOnly: true),
        lockWaitNanoseconds: 0
      )
    }
    let segments = recovered.catalog.segments
    result.segmentCount = segments.count
    result.byteCount = recovered.endPosition - min(recovered.endPosition, recovered.beginPosition)
    let lost = recovered.report.damages.reduce(0) { $0 + UInt64($1.sequences.count) }
    result.recordCount = recovered.endSequence - min(recovered.endSequence, recovered.beginSequence + lost)
    for finding in recovered.report.findings { try judge(finding, segments) }
    if let beginning = try recovered.missingBeginning(in: storage, directory: directory) {
      addMissing(beginning)
    }
    for segment in segments.dropLast() { try checkFooter(of: segment) }
    progress(done + result.byteCount)
    return result
  }

  // MARK: Steps

  /// The manifest, or what can be made up for it; nil when nothing can be read without it.
  private mutating func loadManifest() throws(SpateError) -> QueueManifest? {
    let (manifest, damage) = try QueueManifest.loadOrMakeUp(from: storage, directory: directory)
    if let damage { add(.queueManifest, directory + "/" + Format.manifestName, damage.message) }
    return manifest
  }

  private mutating func judge(
    _ finding: RecoveryReport.Finding,
    _ segments: [SegmentDescription]
  ) throws(SpateError) {
    func path(_ number: UInt64) -> String { directory + "/" + Format.segmentName(number) }
    switch finding {
    case .damage(let range): try dissect(range, segments)
    case .tornTail(let position, let byteCount, let number):
      let message =
        "the log ends before \(byteCount) bytes that were never durable; no durable record is lost"
      add(.tornTail, path(number), message, positions: position..<position + byteCount)
    case .repairedHeader(let number):
      for sector in try damagedSectors(path(number), number) {
        let message =
          "a part of the header does not match its checksum; the records are readable all the same"
        add(.header, path(number), message, fileOffsets: sector)
      }
    case .unreadableHeader(let number):
      let message = "the header cannot be read and the records cannot be placed: an open sets the file aside"
      add(.segment, path(number), message, fileOffsets: 0..<UInt64(2 * Format.sectorByteCount))
    case .unreadableCheckpoint:
      let message = "the checkpoint does not match its checksum; the log is read further back instead"
      add(.checkpoint, directory + "/" + Format.checkpointName, message)
    case .lostCursorPlaces(let count):
      let message =
        count > 0
        ? "the places of \(count) named cursors cannot be read; those without another copy begin at the earliest record"
        : "the file with the places of named cursors is gone; cursors that the log does not name begin at the earliest record"
      add(.cursorPlaces, directory + "/" + Format.cursorsName, message)
    case .unreadableDestinations(let count):
      let message =
        "\(count) queues to which transactions went cannot be read; what those acknowledged may be delivered again"
      add(.cursorPlaces, directory + "/" + Format.cursorsName, message)
    case .halfMadeSegment(let name):
      add(.leftover, directory + "/" + name, "a segment file that was not finished; it holds nothing")
    case .finishedRemoval(let number):
      add(.leftover, path(number), "a trimmed or cut off segment that was not removed yet")
    case .missingFooter, .setAside: break
    }
  }

  /// Finds out what exactly of a damaged range is lost.
  private mutating func dissect(
    _ range: DamagedRange,
    _ segments: [SegmentDescription]
  ) throws(SpateError) {
    guard let segment = segments.first(where: { $0.number == range.segmentNumber }),
      !range.isOutside(segments)
    else { return addMissing(range) }
    let limit = segment.limitPosition
    let file = try SegmentFile(storage: storage, path: segment.path)
    for gap in DamageAnatomy(of: range, in: segment, file: file, limit: limit).gaps {
      add(
        .records,
        segment.path,
        Self.message(lost: gap.sequences, unreadable: range.sequences),
        fileOffsets: segment.fileOffset(
          of: gap.positions.lowerBound
        )..<segment.fileOffset(of: gap.positions.upperBound),
        positions: gap.positions,
        sequences: gap.sequences,
        unreadable: range.sequences
      )
    }
  }

  private mutating func addMissing(_ range: DamagedRange) {
    add(
      .missing,
      directory,
      "\(range.sequences.count) records are lost: the file that held them is gone or was set aside",
      positions: range.positions,
      sequences: range.sequences,
      unreadable: range.sequences
    )
  }

  private static func message(lost: Range<UInt64>, unreadable: Range<UInt64>) -> String {
    let lostText =
      switch lost.count {
      case 0: "no record is lost"
      case 1: "record \(lost.lowerBound) is lost"
      default: "records \(lost.lowerBound) to \(lost.upperBound - 1) are lost"
      }
    guard unreadable.count > lost.count else { return lostText }
    return lostText
      + ", and readers pass over \(unreadable.lowerBound) to \(unreadable.upperBound - 1) until a repair"
  }

  /// The sectors of a header block that do not match their checksums, or say something else than they must.
  private func damagedSectors(_ path: String, _ number: UInt64) throws(SpateError) -> [Range<UInt64>] {
    let file = try SegmentFile(storage: storage, path: path)
    let block = BlockBuffer(byteCount: Format.minimumBlockByteCount, alignment: Format.minimumBlockByteCount)
    unsafe file.read(into: block.bytes, at: 0)
    let start = unsafe UnsafeRawPointer(block.bytes.baseAddress!)
    let sector = UInt64(Format.sectorByteCount)
    let use = unsafe SegmentUse.decode(start + Format.useSectorOffset).value
    let identity = unsafe SegmentIdentity.decode(start).value
    var damaged: [Range<UInt64>] = []
    if identity?.segmentNumber != number { damaged.append(0..<sector) }
    if use == nil { damaged.append(sector..<2 * sector) }
    return damaged
  }

  /// Tells a damaged footer from one that was never written.
  private mutating func checkFooter(of segment: SegmentDescription) throws(SpateError) {
    let file = try SegmentFile(storage: storage, path: segment.path)
    guard file.footer(of: segment) == nil else { return }
    let head = BlockBuffer(byteCount: Format.minimumBlockByteCount, alignment: Format.minimumBlockByteCount)
    unsafe file.read(into: head.bytes, at: segment.footerOffset)
    let reader = unsafe SectorReader(UnsafeRawPointer(head.bytes.baseAddress!))
    let isOfThisUse = reader.u64(0) == Format.footerMagic && reader.u64(8) == segment.salt
    if isOfThisUse {
      let message = "the footer does not match its checksum; searches are slower without it"
      add(.footer, segment.path, message, fileOffsets: segment.footerOffset..<segment.byteCount)
    } else {
      let message = "the segment has no footer; searches are slower without it"
      add(.missingFooter, segment.path, message, fileOffsets: segment.footerOffset..<segment.byteCount)
    }
  }

  private mutating func add(
    _ kind: StoreVerification.Finding.Kind,
    _ path: String,
    _ message: String,
    fileOffsets: Range<UInt64>? = nil,
    positions: Range<UInt64>? = nil,
    sequences: Range<UInt64>? = nil,
    unreadable: Range<UInt64>? = nil
  ) {
    result.findings.append(
      StoreVerification.Finding(
        kind: kind,
        queue: name,
        path: path,
        fileOffsets: fileOffsets,
        positions: positions,
        sequences: sequences,
        unreadableSequences: unreadable,
        message: message
      )
    )
  }
}

extension DamagedRange {
  /// Whether no file holds any of the range: it lies before, between or behind the segments.
  func isOutside(_ segments: [SegmentDescription]) -> Bool {
    !segments.contains { $0.basePosition < positions.upperBound && positions.lowerBound < $0.limitPosition }
  }
}

extension RecoveredQueue {
  /// The part of the log before the first segment, when nothing says that it was trimmed: a trim is in the
  /// checkpoint before a file goes. Nil also where a checkpoint that could say so cannot be read.
  func missingBeginning(in storage: any Storage, directory: String) throws(SpateError) -> DamagedRange? {
    guard let first = catalog.first, first.basePosition > 0, checkpoint.firstSegmentNumber == 0,
      !report.findings.contains(.unreadableCheckpoint)
    else { return nil }
    let aside = directory + "/" + Format.asideName
    if try storage.kind(of: aside) != nil {
      let names = try storage.contents(ofDirectory: aside)
      if names.contains(where: { $0.hasPrefix(Format.checkpointName) }) { return nil }
    }
    let sequences = manifest.baseSequence..<max(manifest.baseSequence, first.baseSequence)
    return DamagedRange(positions: 0..<first.basePosition, sequences: sequences, segmentNumber: first.number)
  }
}
