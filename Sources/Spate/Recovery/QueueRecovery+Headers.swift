/// The first half of recovery: which files there are, and which of them make up the log.
extension QueueRecovery {
  /// What the headers, the probes and the checkpoint say about the log.
  struct Tail {
    /// The segments of the log, oldest first.
    var chain: [SegmentDescription] = []
    /// Index of the first segment that a dead owner may still have been writing to; locked from there on.
    var firstIndex = 0
    /// The highest durable watermark that anything names.
    var proven: LogMark
    /// Where the scan has to begin to see all state frames that no checkpoint has; nil when there are none.
    var statePosition: UInt64?
    /// Segments that a truncation cut off.
    var cut: [SegmentDescription] = []
    /// Segments that are not part of the log for no good reason.
    var obsolete: [SegmentDescription] = []
    /// Unused segments behind the log.
    var spares: [SpareSegment] = []
  }

  /// Reads the checkpoint; sets one aside that cannot be read.
  mutating func loadCheckpoint() throws(SpateError) {
    let (found, isDamaged) = try QueueCheckpoint.load(
      from: storage,
      directory: directory,
      queueIdentifier: manifest.queueIdentifier
    )
    if isDamaged {
      report.findings.append(.unreadableCheckpoint)
      checkpointIsDamaged = true
      try setAside(directory + "/" + Format.checkpointName)
    }
    if let found {
      checkpoint = found
      hasCheckpoint = true
    }
    epoch = max(epoch, checkpoint.epoch)
    content = checkpoint.content
  }

  /// The numbers of the segment files that may be part of the log, ascending. Finishes interrupted
  /// preparations and trims on the way.
  mutating func listSegments() throws(SpateError) -> [UInt64] {
    var numbers: [UInt64] = []
    var isChanged = false
    for name in try storage.contents(ofDirectory: directory).sorted() {
      let path = directory + "/" + name
      if Format.segmentNumber(inName: name, suffix: Format.preparingSuffix) != nil {
        report.findings.append(.halfMadeSegment(name: name))
        try remove(path)
        isChanged = true
      } else if name == Format.manifestName + ".new" || name == Format.checkpointName + ".new" {
        try remove(path)
        isChanged = true
      } else if let number = Format.segmentNumber(inName: name) {
        guard number < checkpoint.firstSegmentNumber else {
          if !ignored.contains(path) { numbers.append(number) }
          continue
        }
        report.findings.append(.finishedRemoval(segmentNumber: number))
        try remove(path)
        isChanged = true
      }
    }
    if isChanged { try syncDirectory() }
    return numbers.sorted()
  }

  /// Reads one block of each file, newest first, and probes the newest segments. Nil when a file was set
  /// aside that would have made others look cut off.
  mutating func readHeaders(_ numbers: [UInt64]) throws(SpateError) -> Tail? {
    var tail = Tail(proven: LogMark(position: 0, sequence: manifest.baseSequence))
    var repaired: Set<UInt64> = []
    var descending: [SegmentDescription] = []
    var isTruncated = false
    var isPastTail = false
    var inOrder = HeaderFiles(
      storage: storage,
      directory: directory,
      mayLock: !isReadOnly,
      numbers: numbers
    )
    while let (number, file) = try inOrder.next() {
      let path = file.path
      // A file below the tail is not written any more; one in it may have writes of a dead owner in flight.
      guard try file.lock(until: isPastTail ? 0 : lockDeadline) || isPastTail else {
        throw SpateError(
          .locked,
          "Another process still writes to a segment of this queue; end it and open again.",
          path: path
        )
      }
      let header = try file.header(number: number, queueIdentifier: manifest.queueIdentifier)
      report.scannedByteCount += file.readByteCount
      switch header.state {
      case .unreadable:
        report.findings.append(.unreadableHeader(segmentNumber: number))
        try setAside(path)
      case .unused:
        epoch = max(epoch, header.description.use.epoch)
        try place(spare: header.description, isBehindLog: descending.isEmpty, tail: &tail)
      case .used:
        let segment = header.description
        if let next = descending.last,
          segment.basePosition >= next.basePosition || segment.baseSequence > next.baseSequence
        {
          // A header made up from an old chunk of a reused file would cut off the log: it is wrong, not the
          // log.
          if repaired.contains(next.number) {
            try setAside(next.path)
            return nil
          }
          let isCutOff = isTruncated && segment.basePosition >= next.basePosition
          if isCutOff { tail.cut.append(segment) } else { tail.obsolete.append(segment) }
          continue
        }
        if header.isRepaired {
          repaired.insert(number)
          report.findings.append(.repairedHeader(segmentNumber: number))
        }
        if segment.use.flags.contains(.truncation) { isTruncated = true }
        epoch = max(epoch, segment.epoch)
        fencingEpoch = max(fencingEpoch, segment.use.fencingEpoch)
        if !isPastTail {
          probe(file, segment, limit: descending.last?.use.cutPosition, tail: &tail)
          isPastTail =
            tail.proven.position >= segment.basePosition
            && (tail.statePosition ?? 0) >= segment.basePosition
          tail.firstIndex += 1
        }
        descending.append(segment)
      }
    }
    tail.proven.raise(to: provenByCheckpoint(descending))
    tail.chain = descending.reversed()
    for index in tail.chain.indices.dropFirst() where repaired.contains(tail.chain[index].number) {
      let segment = tail.chain[index]
      guard let cut = truncation(of: tail.chain[index - 1], before: segment.use) else { continue }
      // What stands farther back was not cut off by this one.
      guard Format.alignUp(cut, to: segment.blockByteCount) == segment.basePosition else { continue }
      tail.chain[index].use.cutPosition = cut
    }
    tail.firstIndex = max(0, tail.chain.count - tail.firstIndex)
    return tail
  }

  /// Where a segment was cut off by a truncation, when the header that says so is damaged: before the first record that the
  /// next segment holds, too.
  private func truncation(of segment: SegmentDescription, before next: SegmentUse) -> UInt64? {
    guard let file = try? SegmentFile(storage: storage, path: segment.path) else { return nil }
    var walk = SegmentWalk(
      file: file,
      segment: segment,
      start: segment.basePosition,
      sequence: segment.baseSequence,
      limit: min(segment.capacityPosition, next.basePosition)
    )
    var search = BatchSearch(sequence: next.baseSequence, from: segment.use.base)
    while case .frame(let frame, _) = walk.next() {
      if search.isFound(at: frame) { return search.begin.position }
    }
    return nil
  }

  /// What the checkpoint proves to have been durable: nothing beyond the cut of a truncation that came after
  /// it.
  private func provenByCheckpoint(_ chain: [SegmentDescription]) -> LogMark {
    var proven = LogMark(position: checkpoint.trimmedPosition, sequence: checkpoint.trimmedSequence)
    proven.raise(to: LogMark(position: checkpoint.durablePosition, sequence: checkpoint.durableSequence))
    for segment in chain where segment.use.flags.contains(.truncation) && segment.epoch > checkpoint.epoch {
      if proven.position > segment.use.cutPosition { proven = segment.use.cut }
    }
    return proven
  }

  /// Raises what is proven by a segment's header, footer and chunk frames at its strides.
  private mutating func probe(
    _ file: SegmentFile,
    _ segment: SegmentDescription,
    limit next: UInt64?,
    tail: inout Tail
  ) {
    let before = file.readByteCount
    if !segment.use.flags.isDisjoint(with: [.beginsAfterRecovery, .truncation]) {
      tail.proven.raise(to: segment.use.cut)
    }
    let limit = min(next ?? .max, segment.capacityPosition)
    let search = ChunkSearch(file: file, segment: segment, limit: limit)
    file.prefetchFooter(of: segment)
    // Each chunk names a higher watermark than the one before.
    let newest = search.lastChunkAtStride(prefetching: 16)
    if let newest {
      tail.proven.raise(to: newest.durable)
      epoch = max(epoch, newest.epoch)
      // The headers of older segments are read while the disk brings what is scanned next.
      search.prefetch(from: tail.proven.position, beyond: newest.basePosition)
    }
    if tail.statePosition == nil, let newest {
      // Without one, there was none when the chunk was opened; there may be some in it, or behind it.
      tail.statePosition =
        newest.statePosition > 0 ? newest.statePosition : newest.basePosition
      // What only the checkpoint said is told by the log, as far as it is kept.
      if checkpointIsDamaged { tail.statePosition = 0 }
    }
    if let footer = file.footer(of: segment), footer.endPosition <= limit {
      tail.proven.raise(to: LogMark(position: footer.endPosition, sequence: footer.endSequence))
    } else if next != nil {
      report.findings.append(.missingFooter(segmentNumber: segment.number))
    }
    report.scannedByteCount += file.readByteCount - before
  }

  /// Keeps an unused file behind the log for use; removes one whose number has been passed.
  private mutating func place(
    spare segment: SegmentDescription,
    isBehindLog: Bool,
    tail: inout Tail
  ) throws(SpateError) {
    guard isBehindLog else {
      try remove(segment.path)
      try syncDirectory()
      return
    }
    tail.spares.append(
      SpareSegment(
        number: segment.number,
        path: segment.path,
        byteCount: segment.byteCount,
        footerOffset: segment.footerOffset,
        blockByteCount: segment.blockByteCount
      )
    )
  }
}
