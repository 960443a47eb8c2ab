import Synchronization

/// The cursors that are open on a queue, the segment files that they or their batches read, and the last
/// truncation. Any thread.
///
/// A segment file must not be recycled while ``isInUse(segment:)`` says so: views of it may be out. Who trims
/// takes the segment out of the catalog first and asks then; a cursor registers its use first and looks into
/// the catalog then, so one of them sees the other.
@safe
final class CursorRegistry: @unchecked Sendable {
  private struct State {
    var places: [ObjectIdentifier: CursorPlace] = [:]
    var uses: [UInt64: Int] = [:]
    /// Places where the log was cut off, each with the number of the truncation. INVARIANT: both ascend: what was cut off
    /// further back later says all that the cuts before it do.
    var cuts: [(number: UInt64, mark: LogMark)] = []
  }

  /// How many cuts are kept apart. Whoever has not looked for longer goes back further than it must.
  private static let cutLimit = 64

  private let state = Mutex(State())
  private let openCount = Atomic<Int>(0)
  /// Counts the truncations; readers look at it before each record.
  ///
  /// SAFETY: owned by the registry, which outlives its readers' looks; only accessed atomically.
  let truncationWord: UnsafeMutablePointer<Atomic<UInt64>>

  init() {
    unsafe truncationWord = .allocate(capacity: 1)
    unsafe truncationWord.initialize(to: Atomic(0))
  }

  deinit {
    unsafe truncationWord.deinitialize(count: 1)
    unsafe truncationWord.deallocate()
  }

  /// How many cursors are open. One relaxed load.
  var count: Int { openCount.load(ordering: .relaxed) }

  /// The sequence that the cursor furthest behind reads next, to within a chunk or window; nil without
  /// cursors.
  ///
  /// - Complexity: O(cursors).
  var lowestSequence: UInt64? { state.withLock { $0.places.values.lazy.map(\.sequence).min() } }

  /// Whether a cursor reads at or behind a sequence, to within a chunk or window.
  ///
  /// - Complexity: O(cursors).
  func hasPlace(atOrBehind sequence: UInt64) -> Bool {
    state.withLock { $0.places.values.contains { $0.sequence >= sequence } }
  }

  /// Notes a cursor that was opened.
  func add(_ place: CursorPlace) {
    state.withLock { $0.places[ObjectIdentifier(place)] = place }
    openCount.wrappingAdd(1, ordering: .relaxed)
  }

  /// Notes that a cursor ended.
  func remove(_ place: CursorPlace) {
    state.withLock { _ = $0.places.removeValue(forKey: ObjectIdentifier(place)) }
    openCount.wrappingSubtract(1, ordering: .relaxed)
  }

  // MARK: Segment files in use

  /// Notes that views of a segment's file are out, or are about to be.
  func beginUse(ofSegment number: UInt64) {
    state.withLock { $0.uses[number, default: 0] += 1 }
  }

  /// Ends one use.
  func endUse(ofSegment number: UInt64) {
    state.withLock { state in
      guard let count = state.uses[number] else { return }
      state.uses[number] = count > 1 ? count - 1 : nil
    }
  }

  /// Whether bytes of a segment's file may be lent: then it may be unlinked, and must not be written again.
  func isInUse(segment number: UInt64) -> Bool { state.withLock { $0.uses[number] != nil } }

  // MARK: Truncation

  /// How often the end of the log was cut off since the queue was opened. One acquiring load.
  var truncationCount: UInt64 { unsafe truncationWord.pointee.load(ordering: .acquiring) }

  /// The lowest place where the log was cut off since there had been `seen` truncations; nil when it was not.
  func lowestCut(since seen: UInt64) -> LogMark? {
    state.withLock { state in state.cuts.first { $0.number > seen }?.mark }
  }

  /// Tells the cursors that records from `mark` on are gone: those beyond get a typed error at their next
  /// move. After the ring and the catalog were changed, before new records are published.
  func noteTruncation(at mark: LogMark) {
    state.withLock { state in
      let number = truncationCount &+ 1
      state.cuts.removeAll { $0.mark.sequence >= mark.sequence }
      state.cuts.append((number, mark))
      if state.cuts.count > Self.cutLimit {
        state.cuts[1].mark = state.cuts[0].mark
        state.cuts.removeFirst()
      }
    }
    // ORDERING: release, pairs with the acquire above: ring and catalog are seen as they are after the cut.
    unsafe truncationWord.pointee.wrappingAdd(1, ordering: .releasing)
  }
}
