import CSpate

/// Looks at a store's files as they are: takes no lock, recovers nothing, changes nothing.
///
/// Works whether somebody owns the store or not, and on damaged stores as far as there is anything to see. What
/// it returns are values: a picture of one moment, which an owner's next append may outdate. Any thread; every
/// operation blocks on the disk.
public struct StoreInspector: Sendable {
  /// Where the store is.
  public let path: String
  let storage: any Storage

  /// Opens the store at `path` to look at it.
  ///
  /// - Throws: `notFound`, `wrongKind` for a path that is not a store, `permissionDenied`,
  ///   `unsupportedFormat`, and `corrupt` for a store whose manifest is damaged.
  public init(path: String) throws(SpateError) {
    _ = try StoreLayout.examine(path, mayCreate: false)
    self.init(path: path, storage: try SystemStorage(root: path, readOnly: true))
  }

  init(path: String, storage: any Storage) {
    self.path = path
    self.storage = storage
  }

  /// How an owner in this process would talk to the disk, and why. It is tried with a file that has no name;
  /// where that may not be made, it is what can be told without writing.
  public var ioDescription: StorageDescription {
    (try? SystemStorage(root: path))?.description ?? storage.description
  }

  /// The names of the queues, sorted.
  public var queueNames: [String] {
    get throws(SpateError) {
      guard try storage.kind(of: StoreLayout.queuesName) != nil else { return [] }
      return try storage.contents(ofDirectory: StoreLayout.queuesName).filter(StoreLayout.isQueueName)
        .sorted()
    }
  }

  /// The process that owns the store, if anybody does; 0 when somebody does and it is not known who.
  public var owner: Int32? {
    get throws(SpateError) {
      guard try storage.kind(of: StoreLayout.lockName) != nil else { return nil }
      let file = try storage.open(StoreLayout.lockName, .read)
      defer { storage.close(file) }
      guard storage.lockHolder(file) != nil else { return nil }
      return StoreOwner(readFrom: file, storage: storage)?.process ?? 0
    }
  }

  /// What the files of a queue say.
  ///
  /// How far the log goes is found as recovery finds it, without changing anything; beside an owner this may
  /// be a little ahead of what is durable.
  ///
  /// - Throws: `invalidArgument` for a bad name, `notFound`, `corrupt` for a manifest that cannot be read,
  ///   `unsupportedFormat`, and what the disk says.
  /// - Complexity: as recovery: a block for each segment, and the records that were not proven durable.
  public func queue(named name: String) throws(SpateError) -> QueueInspection {
    let directory = StoreLayout.directory(ofQueue: name)
    let recovered = try recover(name)
    var inspection = QueueInspection(name: name, directory: directory, recovered: recovered)
    inspection.segments = try recovered.catalog.segments.map { segment throws(SpateError) in
      try inspect(segment)
    }
    let spares = recovered.spares.map { SegmentInspection(spare: $0) }
    inspection.segments += spares
    inspection.firstTimestamp = firstTimestamp(recovered.catalog.segments)
    inspection.lastTimestamp = lastTimestamp(recovered.catalog.segments)
    let aside = directory + "/" + Format.asideName
    if try storage.kind(of: aside) != nil {
      inspection.asideNames = try storage.contents(ofDirectory: aside).sorted()
    }
    return inspection
  }

  /// What recovery would make of a queue.
  func recover(_ name: String) throws(SpateError) -> RecoveredQueue {
    try StoreLayout.validate(queueName: name)
    return try trying { () throws(SpateError) in
      try QueueRecovery.run(
        storage: storage,
        directory: StoreLayout.directory(ofQueue: name),
        isReadOnly: true,
        destinations: DestinationLookup(storage: storage, isReadOnly: true),
        lockWaitNanoseconds: 0
      )
    }
  }

  /// An owner that trims takes files away between two looks: look again.
  func trying<Value>(_ body: () throws(SpateError) -> Value) throws(SpateError) -> Value {
    for _ in 0..<3 {
      do throws(SpateError) { return try body() } catch {
        guard error.code == .notFound, error.path?.hasSuffix(Format.segmentSuffix) == true else {
          throw error
        }
      }
    }
    return try body()
  }

  private func inspect(_ segment: SegmentDescription) throws(SpateError) -> SegmentInspection {
    let file = try SegmentFile(storage: storage, path: segment.path)
    return SegmentInspection(segment, footer: file.footer(of: segment))
  }

  // MARK: Times

  /// The time of the first record that can be read.
  private func firstTimestamp(_ segments: [SegmentDescription]) -> UInt64? {
    for segment in segments {
      guard let file = try? SegmentFile(storage: storage, path: segment.path) else { continue }
      var walk = SegmentWalk(file: file, segment: segment, start: segment.use.base)
      while case .frame(let frame, _) = walk.next() {
        if frame.header.type == .record { return frame.header.timestamp }
      }
    }
    return nil
  }

  /// The time of the last record that can be read.
  private func lastTimestamp(_ segments: [SegmentDescription]) -> UInt64? {
    for segment in segments.reversed() {
      guard let file = try? SegmentFile(storage: storage, path: segment.path) else { continue }
      let search = ChunkSearch(file: file, segment: segment, limit: segment.limitPosition)
      let chunks = search.chunksAtStrides(from: segment.basePosition)
      for start in chunks.reversed().map(\.base) + [segment.use.base] {
        var last: UInt64?
        var walk = SegmentWalk(file: file, segment: segment, start: start)
        while case .frame(let frame, _) = walk.next() {
          if frame.header.type == .record { last = frame.header.timestamp }
        }
        if let last { return last }
      }
    }
    return nil
  }
}

extension SegmentDescription {
  /// Whether the records end at a place: nothing but the rest of a block comes behind it, and no sequence is
  /// missing.
  func isEnd(_ position: UInt64, _ sequence: UInt64) -> Bool {
    Format.alignUp(position, to: blockByteCount) >= limitPosition && sequence >= endSequence ?? sequence
  }
}

extension SegmentWalk {
  /// A walk from `start` to the end of the segment's records.
  init(file: SegmentFile, segment: SegmentDescription, start: LogMark) {
    self.init(
      file: file,
      segment: segment,
      start: start.position,
      sequence: start.sequence,
      limit: segment.limitPosition
    )
  }
}
