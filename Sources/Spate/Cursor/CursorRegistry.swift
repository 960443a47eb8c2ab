import Synchronization

/// The cursors that are open on a queue, the segment files that they or their batches read, and the last
/// truncation. Any thread.
///
/// A segment file must not be recycled while ``isInUse(segment:)`` says so: views of it may be out. Who trims
/// takes the segment out of the catalog first and asks then; a cursor registers its use first and looks into
/// the catalog then, so one of them sees the other.
final class CursorRegistry: Sendable {
  private struct State {
    var places: [ObjectIdentifier: CursorPlace] = [:]
    var uses: [UInt64: Int] = [:]
    var truncation: LogMark?
  }

  private let state = Mutex(State())
  private let openCount = Atomic<Int>(0)
  private let truncations = Atomic<UInt64>(0)

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
  var truncationCount: UInt64 { truncations.load(ordering: .acquiring) }

  /// Where the log was cut off last.
  var truncation: LogMark? { state.withLock { $0.truncation } }

  /// Tells the cursors that records from `mark` on are gone: those beyond get a typed error at their next
  /// move. After the ring and the catalog were changed, before new records are published.
  func noteTruncation(at mark: LogMark) {
    state.withLock { $0.truncation = mark }
    // ORDERING: release, pairs with the acquire above: ring and catalog are seen as they are after the cut.
    truncations.wrappingAdd(1, ordering: .releasing)
  }
}
