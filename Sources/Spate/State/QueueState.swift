import CSpate
import Synchronization

/// What a queue keeps beside its records, and how it gets to the medium: as state frames in the log, which are
/// contained in the queue's checkpoint before they are trimmed, or would have to be looked for too far back.
///
/// INVARIANT: state frames are claimed under the lock under which they are noted, so notes and frames have the
/// same order; `durable` holds what frames below `coveredEnd` say, all of it durable.
///
/// Locks, in this order: `settling`, `state`, then that of a registry of named cursors. Any thread.
final class QueueState: Sendable {
  /// A change on its way to the medium.
  struct Note: Sendable {
    /// Behind the batch that holds the frame.
    var end: UInt64
    var change: QueueContent.Change
    /// The place to move once the frame is durable.
    var move: TransactionMove?
  }

  private struct State {
    /// As published.
    var latest: QueueContent
    /// As durable below `coveredEnd`.
    var durable: QueueContent
    var coveredEnd: UInt64
    /// Behind the last state frame.
    var framesEnd: UInt64
    var notes: [Note] = []
    /// How many of `notes` are done with.
    var finishedCount = 0
  }

  /// How many bytes of names and values a queue's metadata may have.
  static let metadataLimit = 1 << 20
  /// How long a change waits for somebody to look whether it is durable, in nanoseconds.
  private static let tickNanoseconds: UInt64 = 100_000_000

  private unowned let core: QueueCore
  private let state: Mutex<State>
  private let settling = Mutex<Void>(())
  private let firstFramePosition: Atomic<UInt64>
  private let isTickDue = Atomic<Bool>(false)

  init(core: QueueCore, recovered: RecoveredQueue) {
    self.core = core
    let end = recovered.endPosition
    state = Mutex(
      State(latest: recovered.content, durable: recovered.content, coveredEnd: end, framesEnd: end)
    )
    firstFramePosition = Atomic(recovered.firstStatePosition.map { max(1, $0) } ?? 0)
  }

  /// Where a scan has to begin to see every frame that the checkpoint does not contain; 0 when it contains all.
  var statePosition: UInt64 { firstFramePosition.load(ordering: .acquiring) }

  /// The metadata as published.
  var metadata: [String: [UInt8]] { state.withLock { $0.latest.metadata } }

  /// The value of one name, as published.
  func metadata(named name: String) -> [UInt8]? { state.withLock { $0.latest.metadata[name] } }

  /// What transactions acknowledged in other queues, as durable now.
  var acknowledgements: [CursorReference: Acknowledgement] {
    settle()
    return state.withLock { $0.durable.acknowledgements }
  }

  /// Whether a fencing epoch has to be put in force: no frame of it was appended yet.
  ///
  /// - Throws: `fenced` when a newer one is in force.
  func mustFence(at epoch: UInt64) throws(SpateError) -> Bool {
    try state.withLock { (state) throws(SpateError) in
      try checkFence(epoch)
      return state.latest.fencingEpoch < epoch
    }
  }

  /// Throws when an epoch that somebody wants to put in force is below the one that is.
  func checkFence(_ epoch: UInt64) throws(SpateError) {
    let current = core.ring.fencingEpoch
    guard epoch < current else { return }
    throw SpateError(
      .fenced,
      "fencing epoch \(epoch) is out of date: \(current) is in force, and somebody newer owns the log"
    )
  }

  /// Behind the last change that was noted.
  var notesEnd: UInt64 { state.withLock { $0.notes.last?.end ?? 0 } }

  // MARK: Frames

  /// Claims a batch that holds state frames, and notes what they change.
  ///
  /// - Parameters:
  ///   - isAllowed: asked first, with what is in force; throws what refuses the batch.
  ///   - notes: the changes, in the order of the frames, given the position behind the batch.
  func append(
    byteCount: Int,
    sequenceCount: Int,
    isAllowed: (borrowing QueueContent) throws(SpateError) -> Void,
    notes: (UInt64) -> [Note]
  ) throws(SpateError) -> ClaimOutcome {
    try state.withLock { (state) throws(SpateError) -> ClaimOutcome in
      try isAllowed(state.latest)
      noteFrameIsComing()
      switch core.ring.claim(byteCount: byteCount, sequenceCount: sequenceCount) {
      case .claimed(let claimed):
        let end = claimed.position &+ UInt64(claimed.byteCount)
        for note in notes(end) {
          state.latest.apply(note.change)
          state.notes.append(note)
        }
        state.framesEnd = end
        return .claimed(claimed)
      case .backPressured: return .backPressured
      case .refused(let refusal): return .refused(refusal)
      }
    }
  }

  /// ORDERING: sequentially consistent, before the claim: a chunk that is opened behind the frame's reads it.
  private func noteFrameIsComing() {
    guard firstFramePosition.load(ordering: .relaxed) == 0 else { return }
    firstFramePosition.store(max(1, core.watermarks.durablePosition), ordering: .sequentiallyConsistent)
  }

  // MARK: What became durable

  /// Moves the places of transactions that are durable by now.
  func settle() {
    settling.withLock { _ in
      let durable = core.watermarks.durablePosition
      let moves = state.withLock { state in
        var moves: [TransactionMove] = []
        while state.finishedCount < state.notes.count, state.notes[state.finishedCount].end <= durable {
          let note = state.notes[state.finishedCount]
          state.finishedCount += 1
          state.durable.apply(note.change)
          state.coveredEnd = note.end
          if let move = note.move { moves.append(move) }
        }
        if state.finishedCount * 2 >= state.notes.count {
          state.notes.removeFirst(state.finishedCount)
          state.finishedCount = 0
        }
        return moves
      }
      for move in moves { move.finish() }
    }
  }

  /// Gives up the transactions that are on their way, for a drop: their places stay where they are.
  func abandon() {
    settling.withLock { _ in
      let moves = state.withLock { state in
        defer {
          state.notes.removeAll()
          state.finishedCount = 0
        }
        return state.notes[state.finishedCount...].compactMap(\.move)
      }
      for move in moves { move.source.named.giveUp(move.place) }
    }
  }

  /// Asks the housekeeper to look later whether what was noted is durable.
  func settleSoon() {
    guard !isTickDue.exchange(true, ordering: .relaxed) else { return }
    core.engine.housekeeper.schedule(core, after: Self.tickNanoseconds)
  }

  /// What the housekeeper does from time to time.
  func tick() {
    isTickDue.store(false, ordering: .relaxed)
    settle()
    let isLeft = state.withLock { $0.finishedCount < $0.notes.count }
    if isLeft, core.watermarks.failure == nil { settleSoon() }
    let first = statePosition
    guard first != 0, core.watermarks.durablePosition > first &+ NamedCursorRegistry.frameDistance else {
      return
    }
    // A failure costs a longer scan at the next open.
    try? checkpoint()
  }

  // MARK: The checkpoint

  /// Makes the checkpoint contain every frame that is durable now. Blocks on the disk.
  func checkpoint() throws(SpateError) {
    settle()
    let (content, end) = state.withLock { ($0.durable, $0.coveredEnd) }
    try store(content, coveredEnd: end)
    state.withLock { state in
      firstFramePosition.store(
        state.framesEnd > end ? max(1, end) : 0,
        ordering: .sequentiallyConsistent
      )
    }
  }

  /// Makes the checkpoint contain everything, before the log is cut off at `base`: what state frames behind
  /// the cut said stays in force. While the ring takes no claims, and everything is durable.
  func prepareTruncation(at base: UInt64) throws(SpateError) {
    settle()
    let content = state.withLock { $0.durable }
    guard content != QueueContent() || statePosition != 0 else { return }
    // Frames that come behind the cut stand at positions that were given out before.
    try store(content, coveredEnd: min(base, state.withLock { $0.coveredEnd }))
    state.withLock { state in
      state.coveredEnd = min(base, state.coveredEnd)
      state.framesEnd = state.coveredEnd
      firstFramePosition.store(0, ordering: .sequentiallyConsistent)
    }
  }

  private func store(_ content: QueueContent, coveredEnd: UInt64) throws(SpateError) {
    var kept = content
    for source in Set(content.acknowledgements.keys.map(\.queue)) {
      // Only an open queue can tell what its slots contain.
      guard let ordinals = core.engine.openQueues[source]?.named.savedOrdinals else { continue }
      kept.acknowledgements = kept.acknowledgements.filter { entry in
        // Without the cursor there is nothing to acknowledge.
        entry.key.queue != source || entry.value.ordinal > ordinals[entry.key.cursor] ?? .max
      }
    }
    let stored = kept
    try core.withFiles { (files, _) throws(SpateError) in
      try files.store(
        stored,
        statePosition: coveredEnd,
        storage: core.engine.storage,
        directory: core.directory
      )
    }
    state.withLock { state in
      for (reference, acknowledgement) in content.acknowledgements
      where stored.acknowledgements[reference] == nil
        && state.durable.acknowledgements[reference] == acknowledgement
      {
        state.durable.acknowledgements[reference] = nil
      }
    }
  }
}
