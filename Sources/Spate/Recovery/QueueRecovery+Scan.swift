/// The second half of recovery: the log's end, and what happens to the files that are not part of it.
extension QueueRecovery {
  /// Scans from the highest proven chunk to the log's end; returns the end and the index of the last segment.
  mutating func scan(
    _ chain: inout [SegmentDescription],
    tail: Tail
  ) throws(SpateError) -> (end: LogMark, last: Int, proven: LogMark) {
    guard !chain.isEmpty else {
      let begin = LogMark(
        position: checkpoint.trimmedPosition,
        sequence: max(checkpoint.trimmedSequence, manifest.baseSequence)
      )
      if tail.proven.position > begin.position {
        report.findings.append(
          .damage(
            DamagedRange(
              positions: begin.position..<tail.proven.position,
              sequences: begin.sequence..<max(begin.sequence, tail.proven.sequence),
              segmentNumber: 0
            )
          )
        )
      }
      return (tail.proven, -1, tail.proven)
    }
    let (start, index) = try self.start(in: chain, tail: tail)
    var opened = files
    let recovery = self
    // Before the tail everything is synced: what a scan of everything reads there need not stay open.
    let firstKept = scansEverything ? chain[tail.firstIndex].number : 0
    var scan = LogScan(chain: chain, proven: tail.proven) {
      segment throws(SpateError) in
      if let file = opened[segment.number] { return file }
      if case .everything(let tell) = recovery.scope { tell(segment) }
      let file = try recovery.open(segment)
      if segment.number >= firstKept { opened[segment.number] = file }
      return file
    }
    let (end, last) = try scan.run(from: start, inSegment: index)
    files = opened
    report.findings += scan.findings
    epoch = max(epoch, scan.epoch)
    apply(scan.stateFrames)
    return (end, last, scan.proven)
  }

  /// Where the scan begins, and the index of that segment.
  private mutating func start(
    in chain: [SegmentDescription],
    tail: Tail
  ) throws(SpateError) -> (LogMark, index: Int) {
    if scansEverything { return (chain[0].use.base, 0) }
    let target = min(tail.proven.position, tail.statePosition ?? .max)
    let index = chain.lastIndex { $0.basePosition <= target } ?? 0
    return (try anchor(in: chain, index: index, target: target), index)
  }

  /// The last place at or below `target` in a segment where a chunk surely begins.
  private mutating func anchor(
    in chain: [SegmentDescription],
    index: Int,
    target: UInt64
  ) throws(SpateError) -> LogMark {
    let segment = chain[index]
    let file = try open(segment)
    files[segment.number] = file
    let limit = min(LogScan.limit(of: index, in: chain), target == .max ? .max : target + 1)
    let chunk = ChunkSearch(file: file, segment: segment, limit: limit).lastChunkAtStride()
    return chunk?.base ?? segment.use.base
  }

  /// Opens a segment for the scan, with the lock.
  private func open(_ segment: SegmentDescription) throws(SpateError) -> SegmentFile {
    let file = try SegmentFile(storage: storage, path: segment.path, mayLock: !isReadOnly)
    guard try file.lock(until: lockDeadline) else {
      throw SpateError(
        .locked,
        "Another process still writes to a segment of this queue; end it and open again.",
        path: segment.path
      )
    }
    return file
  }

  /// Applies what frames say that the checkpoint does not contain; keeps those of the queue's own cursors.
  private mutating func apply(_ frames: [StateFrame]) {
    for frame in frames where frame.position < stateEnd {
      if frame.type == .acknowledgement && frame.headers.isEmpty { cursorFrames.append(frame) }
      guard frame.position >= checkpoint.statePosition, let change = QueueContent.Change(frame) else {
        continue
      }
      firstStatePosition = firstStatePosition ?? frame.position
      content.apply(change)
    }
    content.fencingEpoch = max(content.fencingEpoch, fencingEpoch)
  }

  /// Whether the log's first segment is not there, and nothing proves that it ever was durable: then nothing behind it
  /// was, and the log ends where it was trimmed. Without a checkpoint nobody knows whether the log was trimmed.
  mutating func beginsBehindNothing(_ chain: [SegmentDescription], proven: LogMark)
    throws(SpateError) -> Bool
  {
    guard hasCheckpoint, let first = chain.first, proven.position < first.use.cutPosition else {
      return false
    }
    for segment in chain {
      let file = try open(segment)
      let chunks = ChunkSearch(file: file, segment: segment, limit: segment.capacityPosition)
        .chunks(from: segment.basePosition, before: segment.capacityPosition)
      report.scannedByteCount += file.readByteCount
      if chunks.contains(where: { $0.durable.position >= first.use.cutPosition }) { return false }
    }
    report.findings.append(
      .tornTail(position: checkpoint.trimmedPosition, byteCount: 0, segmentNumber: first.number)
    )
    return true
  }

  /// Reports what is missing between segments that are not scanned: a file that is gone, or was set aside.
  mutating func checkJoints(of chain: [SegmentDescription], before firstIndex: Int) throws(SpateError) {
    // Without a checkpoint nobody knows whether the log was trimmed.
    if hasCheckpoint, let first = chain.first, checkpoint.trimmedPosition < first.use.cutPosition {
      let begin = max(checkpoint.trimmedSequence, manifest.baseSequence)
      report.findings.append(
        .damage(
          DamagedRange(
            positions: checkpoint.trimmedPosition..<first.basePosition,
            sequences: begin..<max(begin, first.baseSequence),
            segmentNumber: first.number
          )
        )
      )
    }
    guard firstIndex > 0 else { return }
    for index in 0..<firstIndex where index + 1 < chain.count {
      let segment = chain[index]
      let next = chain[index + 1]
      guard segment.capacityPosition < next.use.cutPosition else { continue }
      let file = try SegmentFile(storage: storage, path: segment.path)
      let end = self.end(of: segment, in: file)
      report.scannedByteCount += file.readByteCount
      report.findings.append(
        .damage(
          DamagedRange(
            positions: end.position..<next.basePosition,
            sequences: end.sequence..<max(end.sequence, next.baseSequence),
            segmentNumber: segment.number
          )
        )
      )
    }
  }

  /// The end of an old segment, from its footer or by walking all of it.
  private func end(of segment: SegmentDescription, in file: SegmentFile) -> LogMark {
    if let footer = file.footer(of: segment) {
      return LogMark(position: footer.endPosition, sequence: footer.endSequence)
    }
    var walk = SegmentWalk(
      file: file,
      segment: segment,
      start: segment.basePosition,
      sequence: segment.baseSequence,
      limit: segment.capacityPosition
    )
    while case .frame = walk.next() {}
    return LogMark(position: walk.position, sequence: walk.sequence)
  }

  /// Makes durable what was scanned: after a kill it may be in the page cache or the device's cache only, and beyond what
  /// is proven to have been durable the page cache perhaps keeps it for ever. What went past the page cache is in the device:
  /// there a sync is enough.
  mutating func makeDurable(_ chain: [SegmentDescription], from proven: UInt64, to end: UInt64)
    throws(SpateError)
  {
    guard stateEnd == .max else { return }
    for number in files.keys.sorted() {
      guard let file = files[number] else { continue }
      guard !isReadOnly, let segment = chain.first(where: { $0.number == number }),
        !segment.use.flags.contains(.direct),
        proven <= segment.capacityPosition,
        segment.basePosition <= end
      else {
        try storage.sync(file.file)
        continue
      }
      // The header says that the segment is used by the same sync as its first frames.
      let begin = proven > segment.basePosition ? segment.fileOffset(of: proven) : 0
      try storage.rewrite(file.file, begin..<segment.fileOffset(of: min(end, segment.capacityPosition)))
    }
  }

  /// Removes a segment that a truncation, whose header is synced by now, cut off as a whole.
  mutating func removeCutOff(_ segment: SegmentDescription) throws(SpateError) {
    report.findings.append(.finishedRemoval(segmentNumber: segment.number))
    try remove(segment.path)
    try syncDirectory()
  }

  /// Removes a file that holds nothing of the log.
  func remove(_ path: String) throws(SpateError) {
    if !isReadOnly { try storage.remove(path) }
  }

  /// Makes the queue's directory durable after a change of it.
  func syncDirectory() throws(SpateError) {
    if !isReadOnly { try storage.syncDirectory(directory) }
  }

  /// Moves a file into `aside/`, under its own name or, if that is taken, with a number behind it. A read-only
  /// recovery passes it over from here on.
  mutating func setAside(_ path: String) throws(SpateError) {
    guard !isReadOnly else {
      ignored.insert(path)
      return
    }
    let aside = directory + "/" + Format.asideName
    if try storage.kind(of: aside) == nil {
      try storage.createDirectory(aside)
      try storage.syncDirectory(directory)
    }
    let name = String(path.dropFirst(directory.count + 1))
    var target = aside + "/" + name
    var copy = 0
    while try storage.kind(of: target) != nil {
      copy += 1
      target = aside + "/" + name + ".\(copy)"
    }
    try storage.rename(path, to: target)
    try storage.syncDirectory(aside)
    try storage.syncDirectory(directory)
    report.findings.append(.setAside(path: target))
  }
}
