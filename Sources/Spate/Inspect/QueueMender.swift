/// Mends one queue. The caller holds the store's lock. One thread.
///
/// Every step writes only where nothing readable is, after what was there is durable in `aside/`; so any of them
/// may be the last one, and all can be repeated.
struct QueueMender {
  private let storage: any Storage
  private let name: String
  private let directory: String

  init(storage: any Storage, name: String) {
    self.storage = storage
    self.name = name
    directory = StoreLayout.directory(ofQueue: name)
  }

  /// Mends the queue and adds what was done to `repair`.
  func run(_ repair: inout StoreRepair, _ progress: (UInt64) -> Void) throws(SpateError) {
    let manifest = try mendManifest(&repair)
    var seen: Set<UInt64> = []
    var byteCount: UInt64 = 0
    let recovered = try withoutActuallyEscaping(progress) { progress throws(SpateError) in
      try QueueRecovery.run(
        storage: storage,
        directory: directory,
        manifest: manifest,
        scope: .everything { segment in
          guard seen.insert(segment.number).inserted else { return }
          progress(byteCount)
          byteCount += segment.capacityPosition - segment.basePosition
        }
      )
    }
    let segments = recovered.catalog.segments
    var unfilled: Set<UInt64> = []
    var filled: Set<UInt64> = []
    for finding in recovered.report.findings {
      switch finding {
      case .setAside(let path):
        let original = directory + "/" + (path.split(separator: "/").last ?? "")
        note(.setAside, original, asidePath: path, in: &repair)
      case .damage(let range):
        if range.isOutside(segments) {
          try fillMissing(range, recovered, &repair)
        } else if try mend(range, segments, &repair) {
          filled.insert(range.segmentNumber)
        } else {
          unfilled.insert(range.segmentNumber)
        }
      default: break
      }
    }
    if recovered.cursorFile.isIncomplete { try mendCursorPlaces(recovered.cursorFile, &repair) }
    if let beginning = try recovered.missingBeginning(in: storage, directory: directory) {
      try fillMissing(beginning, recovered, &repair)
    }
    for case .repairedHeader(let number) in recovered.report.findings {
      guard let segment = segments.first(where: { $0.number == number }) else { continue }
      try rewriteHeader(of: segment, manifest: manifest, &repair)
    }
    for segment in segments.dropLast() where !unfilled.contains(segment.number) {
      try rewriteFooter(of: segment, isOutdated: filled.contains(segment.number), &repair)
    }
  }

  // MARK: Manifest

  private func mendManifest(_ repair: inout StoreRepair) throws(SpateError) -> QueueManifest {
    let path = directory + "/" + Format.manifestName
    let (found, damage) = try QueueManifest.loadOrMakeUp(from: storage, directory: directory)
    guard let manifest = found else {
      throw SpateError(
        .corrupt,
        "the queue's manifest cannot be read, and no segment tells what it said; restore it from a copy",
        path: path
      )
    }
    guard damage != nil else { return manifest }
    let isThere = try storage.kind(of: path) != nil
    let aside = isThere ? try Aside(storage: storage, directory: directory).move(path) : nil
    try manifest.create(in: storage, directory: directory)
    note(.rewroteManifest, path, asidePath: aside, in: &repair)
    return manifest
  }

  // MARK: The log

  /// Fills what is lost of a damaged range. False when something of it could not be filled.
  private func mend(
    _ range: DamagedRange,
    _ segments: [SegmentDescription],
    _ repair: inout StoreRepair
  ) throws(SpateError) -> Bool {
    guard let segment = segments.first(where: { $0.number == range.segmentNumber }),
      range.positions.upperBound <= Format.alignUp(segment.limitPosition, to: segment.blockByteCount)
    else {
      // A part of it has no file, and nobody knows how many of the records were in which part.
      repair.losses.append(.init(queue: name, sequences: range.sequences))
      return false
    }
    let file = try SegmentFile(storage: storage, path: segment.path, mayLock: true)
    guard try file.lock(until: 0) else {
      throw SpateError(
        .locked,
        "another process still writes to a segment of this queue; end it and repair again",
        path: segment.path
      )
    }
    let gaps = DamageAnatomy(of: range, in: segment, file: file, limit: segment.limitPosition).gaps
    let aside = try Aside(storage: storage, directory: directory)
    let timestamp = timestamp(behind: range, segment, segments, file: file)
    var isFilled = true
    for gap in gaps {
      let offsets =
        segment.fileOffset(of: gap.positions.lowerBound)..<segment.fileOffset(of: gap.positions.upperBound)
      let copy = try aside.copy(offsets, of: file)
      var filler = RangeFiller(
        storage: storage,
        file: file.file,
        segment: segment,
        at: gap.positions.lowerBound,
        timestamp: timestamp
      )
      if try filler.fill(gap, chunk: chunk(at: gap, of: segment)) {
        try storage.sync(file.file)
        note(
          .filledRange,
          segment.path,
          asidePath: copy,
          fileOffsets: offsets,
          sequences: gap.sequences,
          in: &repair
        )
      } else {
        isFilled = false
      }
      if !gap.sequences.isEmpty { repair.losses.append(.init(queue: name, sequences: gap.sequences)) }
    }
    return isFilled
  }

  /// Makes a segment for a part of the log that has no file.
  private func fillMissing(
    _ range: DamagedRange,
    _ recovered: RecoveredQueue,
    _ repair: inout StoreRepair
  ) throws(SpateError) {
    repair.losses.append(.init(queue: name, sequences: range.sequences))
    let missing = MissingSegment(for: range, in: recovered, storage: storage, directory: directory)
    guard let segment = try missing?.make() else { return }
    note(.filledSegment, segment.path, sequences: range.sequences, in: &repair)
    var quiet = StoreRepair()
    try rewriteFooter(of: segment, isOutdated: false, &quiet)
  }

  /// A chunk frame that promises no more than what the segment's beginning does.
  private func chunk(at gap: DamageAnatomy.Gap, of segment: SegmentDescription) -> ChunkFrame {
    ChunkFrame(
      basePosition: gap.positions.lowerBound,
      baseSequence: gap.sequences.lowerBound,
      durablePosition: segment.use.cutPosition,
      durableSequence: segment.baseSequence,
      epoch: segment.epoch,
      // Whatever state frames there are from the segment's beginning on are to be looked at again.
      statePosition: max(segment.basePosition, UInt64(Format.frameAlignment))
    )
  }

  /// The time of the first frame behind a damaged range, or of what comes before it where there is none.
  private func timestamp(
    behind range: DamagedRange,
    _ segment: SegmentDescription,
    _ segments: [SegmentDescription],
    file: SegmentFile
  ) -> UInt64 {
    let next = segments.first { $0.number > segment.number }
    guard range.positions.upperBound < segment.limitPosition else {
      return next?.baseTimestamp ?? segment.baseTimestamp
    }
    let place = LogMark(position: range.positions.upperBound, sequence: range.sequences.upperBound)
    var walk = SegmentWalk(file: file, segment: segment, start: place)
    guard case .frame(let frame, _) = walk.next() else { return segment.baseTimestamp }
    return frame.header.timestamp
  }

  // MARK: Headers and footers

  /// Writes what recovery made up for a damaged header.
  private func rewriteHeader(
    of segment: SegmentDescription,
    manifest: QueueManifest,
    _ repair: inout StoreRepair
  ) throws(SpateError) {
    let file = try SegmentFile(storage: storage, path: segment.path, mayLock: true)
    let offsets: Range<UInt64> = 0..<UInt64(2 * Format.sectorByteCount)
    let aside = try Aside(storage: storage, directory: directory).copy(offsets, of: file)
    let identity = SegmentIdentity(
      blockByteCount: segment.blockByteCount,
      segmentNumber: segment.number,
      byteCount: segment.byteCount,
      footerOffset: segment.footerOffset,
      queueIdentifier: manifest.queueIdentifier,
      createdTimestamp: segment.baseTimestamp
    )
    let block = BlockBuffer(byteCount: 2 * Format.sectorByteCount, alignment: Format.minimumBlockByteCount)
    unsafe identity.encode(into: block.bytes.baseAddress!)
    unsafe segment.use.encode(into: block.bytes.baseAddress! + Format.useSectorOffset)
    unsafe try storage.write(file.file, UnsafeRawBufferPointer(block.bytes), at: 0)
    try storage.sync(file.file)
    note(.rewroteHeader, segment.path, asidePath: aside, fileOffsets: offsets, in: &repair)
  }

  /// Writes the footer of a sealed segment that has none, or one that does not know of what was filled, if all of
  /// the segment can be read now.
  private func rewriteFooter(
    of segment: SegmentDescription,
    isOutdated: Bool,
    _ repair: inout StoreRepair
  ) throws(SpateError) {
    let file = try SegmentFile(storage: storage, path: segment.path, mayLock: true)
    guard isOutdated || file.footer(of: segment) == nil, let footer = footer(of: segment, file: file) else {
      return
    }
    let preparer = SegmentPreparer(
      storage: storage,
      directory: directory,
      queueIdentifier: QueueIdentifier(high: 0, low: 0)
    )
    try preparer.seal(file.file, of: segment, footer: footer)
    let offsets = segment.footerOffset..<segment.byteCount
    note(.rewroteFooter, segment.path, fileOffsets: offsets, in: &repair)
  }

  private func footer(of segment: SegmentDescription, file: SegmentFile) -> SegmentFooter? {
    var footer = SegmentFooter(salt: segment.salt)
    var walk = SegmentWalk(file: file, segment: segment, start: segment.use.base)
    while true {
      switch walk.next() {
      case .frame(let frame, _):
        if frame.header.type == .chunk {
          footer.add(
            chunkAt: frame.position,
            sequence: frame.sequence,
            timestamp: frame.header.timestamp,
            regionByteCount: Int(segment.byteCount - segment.footerOffset)
          )
        } else if frame.header.type == .record {
          if footer.recordCount == 0 { footer.firstTimestamp = frame.header.timestamp }
          footer.lastTimestamp = frame.header.timestamp
          footer.recordCount += 1
        }
      case .invalid where !segment.isEnd(walk.position, walk.sequence): return nil
      case .end, .invalid:
        footer.endPosition = walk.position
        footer.endSequence = walk.sequence
        return footer
      }
    }
  }

  // MARK: Cursors

  /// Clears the places of named cursors that cannot be read, or makes the file that is gone, without any.
  private func mendCursorPlaces(
    _ content: CursorFileContent,
    _ repair: inout StoreRepair
  ) throws(SpateError) {
    let path = directory + "/" + Format.cursorsName
    let pairByteCount = UInt64(2 * CursorSlot.byteCount)
    let zeros = BlockBuffer(byteCount: Int(pairByteCount), alignment: Format.minimumBlockByteCount)
    guard try storage.kind(of: path) != nil, content.capacity > 0 else {
      unsafe try storage.replaceFile(
        Format.cursorsName,
        in: directory,
        with: UnsafeRawBufferPointer(zeros.bytes)
      )
      return note(.clearedCursorPlaces, path, in: &repair)
    }
    let file = try SegmentFile(storage: storage, path: path, mayLock: true)
    let aside = try Aside(storage: storage, directory: directory)
    for pair in content.unreadablePairs {
      let offsets = UInt64(pair) * pairByteCount..<UInt64(pair + 1) * pairByteCount
      let copy = try aside.copy(offsets, of: file)
      unsafe try storage.write(file.file, UnsafeRawBufferPointer(zeros.bytes), at: offsets.lowerBound)
      try storage.sync(file.file)
      note(.clearedCursorPlaces, path, asidePath: copy, fileOffsets: offsets, in: &repair)
    }
  }

  private func note(
    _ kind: StoreRepair.Action.Kind,
    _ path: String,
    asidePath: String? = nil,
    fileOffsets: Range<UInt64>? = nil,
    sequences: Range<UInt64>? = nil,
    in repair: inout StoreRepair
  ) {
    repair.actions.append(
      StoreRepair.Action(
        kind: kind,
        queue: name,
        path: path,
        asidePath: asidePath,
        fileOffsets: fileOffsets,
        sequences: sequences
      )
    )
  }
}
