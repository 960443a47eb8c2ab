import CSpate

/// Opens a queue's directory after any end of its last owner: a clean one, a kill, a power cut, a full disk,
/// damage.
///
/// Blocking; the caller holds the store's lock. What it reads depends on how much was not durable, not on the
/// length of the log: one block a segment file, one chunk frame a stride of the newest ones, and the frames
/// behind the highest durable watermark. It deletes only what is known to hold nothing or to be trimmed, and
/// running it again, even after a crash inside, gives the same log.
struct QueueRecovery {
  /// Where the files are.
  let storage: any Storage
  /// The queue's directory, relative to the store's.
  let directory: String
  /// How long to wait for a dead owner's writes in flight.
  let lockWaitNanoseconds: UInt64
  /// Whether nothing may be changed or locked: what would be set aside or removed is passed over.
  let isReadOnly: Bool
  /// How much of the log is looked at.
  let scope: Scope
  /// Who knows what the cursors' transactions in other queues acknowledged; nil when nobody asks for the cursors.
  let destinations: DestinationLookup?

  /// Whether every frame is looked at.
  var scansEverything: Bool {
    if case .everything = scope { return true }
    return false
  }

  /// Up to where state frames count.
  var stateEnd: UInt64 {
    if case .state(let end) = scope { return end }
    return .max
  }

  /// How much of the log a recovery looks at.
  enum Scope {
    /// What is needed to find the end.
    case tail
    /// Every frame; each segment is told before it is read.
    case everything((SegmentDescription) -> Void)
    /// What state frames say below a position that is known to be durable: nothing has to be made so.
    case state(below: UInt64)
  }

  var manifest: QueueManifest
  var checkpoint: QueueCheckpoint
  var report = RecoveryReport()
  var files: [UInt64: SegmentFile] = [:]
  var lockDeadline: UInt64 = 0

  /// Recovers the queue in `directory`; loads its manifest unless the caller has it already.
  ///
  /// Fails with `.notFound`, `.corrupt` or `.unsupportedFormat` for a queue that cannot be opened at all,
  /// `.locked` when another process's writes to a segment do not end in time, and the storage's errors. A
  /// failure leaves everything for another try.
  static func run(
    storage: any Storage,
    directory: String,
    manifest known: QueueManifest? = nil,
    isReadOnly: Bool = false,
    scope: Scope = .tail,
    destinations: DestinationLookup? = nil,
    lockWaitNanoseconds: UInt64 = 10_000_000_000
  ) throws(SpateError) -> RecoveredQueue {
    let manifest = if let known { known } else { try QueueManifest.load(from: storage, directory: directory) }
    var ignored: Set<String> = []
    var earlier = RecoveryReport()
    var epoch: UInt64 = 0
    while true {
      var recovery = QueueRecovery(
        storage: storage,
        directory: directory,
        lockWaitNanoseconds: lockWaitNanoseconds,
        isReadOnly: isReadOnly,
        scope: scope,
        destinations: destinations,
        manifest: manifest,
        checkpoint: QueueCheckpoint(queueIdentifier: manifest.queueIdentifier)
      )
      recovery.ignored = ignored
      // A file that was set aside told of an epoch whose sequences must not be given out again.
      recovery.epoch = epoch
      if var queue = try recovery.attempt() {
        queue.report.add(passBefore: earlier)
        return queue
      }
      ignored = recovery.ignored
      epoch = recovery.epoch
      recovery.report.add(passBefore: earlier)
      earlier = recovery.report
    }
  }

  /// One pass. Nil when a file was set aside that others were judged by: begin anew.
  private mutating func attempt() throws(SpateError) -> RecoveredQueue? {
    lockDeadline = spate_now_monotonic_ns() &+ lockWaitNanoseconds
    try loadCheckpoint()
    let numbers = try listSegments()
    guard let tail = try readHeaders(numbers) else { return nil }
    var chain = tail.chain
    if try beginsBehindNothing(chain, proven: tail.proven) {
      for segment in chain { try setAside(segment.path) }
      return nil
    }
    // A scan of everything meets the joints by itself, but for the one before the first segment.
    try checkJoints(of: chain, before: scansEverything ? 0 : tail.firstIndex)
    let (end, last, proven) = try scan(&chain, tail: tail)
    try makeDurable(chain, from: min(proven.position, end.position), to: end.position)
    for segment in tail.cut { try removeCutOff(segment) }
    for segment in tail.obsolete + chain[(last + 1)...] { try setAside(segment.path) }
    // A segment that is no part of the log does not say where the one before it ends.
    guard last + 1 == chain.count else { return nil }
    return try finish(chain: chain, end: end, spares: tail.spares, numbers: numbers)
  }

  /// What is left to do once the log's end is known.
  private mutating func finish(
    chain: [SegmentDescription],
    end: LogMark,
    spares: [SpareSegment],
    numbers: [UInt64]
  ) throws(SpateError) -> RecoveredQueue {
    var chain = chain
    if let last = chain.indices.last {
      chain[last].endPosition = end.position
      chain[last].endSequence = end.sequence
    }
    if !hasCheckpoint, let first = chain.first {
      // The next checkpoint must not say that the log began earlier, and what was trimmed were lost.
      checkpoint.trimmedPosition = first.basePosition
      checkpoint.trimmedSequence = first.baseSequence
    }
    report.endPosition = end.position
    report.endSequence = end.sequence
    report.scannedByteCount = files.values.reduce(0) { $0 + $1.readByteCount } + report.scannedByteCount
    let damages = report.damages
    for index in chain.indices {
      chain[index].isDamaged = damages.contains { $0.segmentNumber == chain[index].number }
    }
    let aside = directory + "/" + Format.asideName
    let asideNames = try storage.kind(of: aside) == nil ? [] : storage.contents(ofDirectory: aside)
    let asideNumbers = asideNames.compactMap { Format.segmentNumber(inName: String($0.prefix(24))) }
    let highest = (numbers + asideNumbers).max()
    files.removeAll()
    let cursorFile = try loadCursors()
    let asked = try askDestinations(of: cursorFile)
    let cursors = RecoveredCursor.resolve(
      content: cursorFile,
      frames: cursorFrames,
      asked: asked,
      segments: chain,
      endSequence: end.sequence
    )
    return RecoveredQueue(
      manifest: manifest,
      checkpoint: checkpoint,
      catalog: SegmentCatalog(segments: chain, damages: damages),
      endPosition: end.position,
      endSequence: end.sequence,
      beginPosition: max(checkpoint.trimmedPosition, chain.first?.basePosition ?? end.position),
      beginSequence: max(
        checkpoint.trimmedSequence,
        chain.first?.baseSequence ?? end.sequence,
        manifest.baseSequence
      ),
      nextSegmentNumber: max(highest.map { $0 + 1 } ?? 0, checkpoint.firstSegmentNumber),
      epoch: epoch,
      spares: spares.sorted { $0.number < $1.number },
      content: content,
      firstStatePosition: firstStatePosition,
      cursorFile: cursorFile,
      cursors: cursors,
      report: report
    )
  }

  // MARK: State that the steps fill in

  var epoch: UInt64 = 0
  /// The highest fencing epoch in a segment's header.
  var fencingEpoch: UInt64 = 0
  var content = QueueContent()
  var firstStatePosition: UInt64?
  /// The frames that tell of the queue's own cursors, in order.
  var cursorFrames: [StateFrame] = []
  var checkpointIsDamaged = false
  /// Whether a checkpoint says where the log begins.
  var hasCheckpoint = false
  /// What a read-only recovery would have set aside.
  var ignored: Set<String> = []

  /// Begins with nothing known but the manifest.
  private init(
    storage: any Storage,
    directory: String,
    lockWaitNanoseconds: UInt64,
    isReadOnly: Bool,
    scope: Scope,
    destinations: DestinationLookup?,
    manifest: QueueManifest,
    checkpoint: QueueCheckpoint
  ) {
    self.storage = storage
    self.directory = directory
    self.lockWaitNanoseconds = lockWaitNanoseconds
    self.isReadOnly = isReadOnly
    self.scope = scope
    self.destinations = destinations
    self.manifest = manifest
    self.checkpoint = checkpoint
  }
}
