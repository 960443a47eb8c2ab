import CSpate
import Synchronization

/// The named cursors of one queue: where they stand, who holds them, and how their places get to the medium.
///
/// A place is *recorded* by a frame in the log, which travels with the next commit, or by a slot in
/// `queue.cursors`. Frames are the way of every day; slots are written when frames would be read from too far
/// back at the next open, before segments with frames are trimmed, and when the log takes no frames: on a full
/// disk, or after a failure.
///
/// INVARIANT: the ordinals of one cursor ascend with the order in which its place was read, and a slot contains
/// every frame up to its ordinal. Both by reading the place under the lock under which the ordinal is given out
/// or asked.
///
/// Locks, in this order: `file`, then `state`, then `changes`; the ring's inside `state`. Any thread.
final class NamedCursorRegistry: Sendable {
  struct State {
    var places: [[UInt8]: NamedPlace] = [:]
    /// Removed cursors of which the log may still hold frames.
    var removed: [NamedPlace] = []
    /// The epoch of the queue.
    var epoch: UInt64
    /// The end of the last frame.
    var framesEnd: UInt64 = 0

    /// The places of cursors that are there, in an order that is always the same.
    var placesByName: [NamedPlace] {
      places.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
    }
  }

  struct Changes {
    var places: [NamedPlace] = []
    var isTickDue = false
    var isClosed = false
  }

  /// How long an acknowledgement waits for a commit to travel with, in nanoseconds.
  static let tickNanoseconds: UInt64 = 100_000_000
  /// How far back a scan for frames may have to begin, in bytes of log, before slots are written.
  static let frameDistance: UInt64 = 64 << 20
  /// How many frames travel with one commit.
  static let rideLimit = 64

  unowned let core: QueueCore
  let file: Mutex<CursorFile>
  let state: Mutex<State>
  let changes = Mutex(Changes())
  /// Places of unknown cursors may be lost: those that are made now begin at the earliest record.
  let isIncomplete: Bool
  private let changedCount = Atomic<Int>(0)
  private let placeCount: Atomic<Int>
  private let firstFramePosition: Atomic<UInt64>
  let evictedCount = Atomic<UInt64>(0)

  init(core: QueueCore, recovered: RecoveredQueue, storage: any Storage) {
    self.core = core
    var state = State(epoch: recovered.epoch + 1)
    var free = recovered.cursorFile.free
    for cursor in recovered.cursors {
      guard !cursor.isRemoved || cursor.isInLog else {
        if let pair = cursor.pair { free.append(pair) }
        continue
      }
      // Without a pair of its own yet: it is taken when the place is saved.
      var books = NamedPlace.Books(
        pair: cursor.pair ?? CursorFile.Pair(number: -1),
        resumption: cursor.setBackFrom.map { .setBack(from: $0) } ?? .resumed
      )
      books.recorded = cursor.setBackFrom == nil ? cursor.sequence : nil
      books.saved = cursor.pair == nil ? nil : cursor.slotSequence
      books.hasFrames = cursor.ordinal > cursor.slotOrdinal
      books.ordinal = cursor.ordinal
      books.lastOrdinal = cursor.ordinal
      books.savedOrdinal = cursor.slotOrdinal
      books.destinations = cursor.destinations
      books.listedCount = cursor.destinations.count
      books.isRemoved = cursor.isRemoved
      let place = NamedPlace(
        name: cursor.name,
        identifier: cursor.identifier,
        acknowledged: cursor.sequence,
        books: books
      )
      if cursor.isRemoved { state.removed.append(place) } else { state.places[cursor.name] = place }
    }
    isIncomplete = recovered.cursorFile.isIncomplete
    placeCount = Atomic(state.places.count)
    firstFramePosition = Atomic(recovered.cursors.compactMap(\.firstFramePosition).min() ?? 0)
    file = Mutex(
      CursorFile(
        storage: storage,
        directory: core.directory,
        capacity: recovered.cursorFile.capacity,
        free: free
      )
    )
    self.state = Mutex(state)
  }

  /// How many named cursors there are. One relaxed load.
  var count: Int { placeCount.load(ordering: .relaxed) }

  /// Where a scan has to begin to see every frame that no slot contains; 0 when there is none.
  var statePosition: UInt64 { firstFramePosition.load(ordering: .acquiring) }

  /// Whether places moved that are not recorded yet. One relaxed load: asked at each commit.
  @inline(__always)
  var hasChanges: Bool { changedCount.load(ordering: .relaxed) != 0 }

  /// Whether segments may hold frames that no slot contains, or there are cursors whose slots say less than they do.
  var mustSaveBeforeTrim: Bool { count > 0 || statePosition != 0 }

  /// Everything below this is acknowledged by all named cursors; nil when there is none.
  var lowestAcknowledged: UInt64? {
    state.withLock { $0.places.values.lazy.map(\.acknowledged).min() }
  }

  // MARK: Changes

  /// Puts a place on the list of those to be recorded. Told by who set its flag, so once at a time.
  ///
  /// - Throws: `closed`; the place will not be recorded.
  func note(_ place: NamedPlace) throws(SpateError) {
    let mustSchedule: Bool? = changes.withLock { changes in
      if changes.isClosed { return nil }
      changes.places.append(place)
      changedCount.store(changes.places.count, ordering: .relaxed)
      defer { changes.isTickDue = true }
      return !changes.isTickDue
    }
    guard let mustSchedule else {
      place.takeChange()
      throw SpateError(.closed, "the store was closed; the acknowledgement is not kept")
    }
    if mustSchedule { core.engine.housekeeper.schedule(core, after: Self.tickNanoseconds) }
  }

  /// Takes a place off the list.
  func takeChanged() -> NamedPlace? {
    changes.withLock { changes in
      let place = changes.places.popLast()
      changedCount.store(changes.places.count, ordering: .relaxed)
      return place
    }
  }

  /// Puts a place back that could not be recorded.
  func putBack(_ place: NamedPlace) {
    guard place.noteChange() else { return }
    changes.withLock { changes in
      changes.places.append(place)
      changedCount.store(changes.places.count, ordering: .relaxed)
    }
  }

  // MARK: Frames that no slot contains

  /// Notes that a frame is about to be claimed, somewhere at or beyond what is durable now.
  ///
  /// ORDERING: sequentially consistent, before the claim: a chunk that is opened behind the frame's reads it.
  func noteFrameIsComing() {
    guard firstFramePosition.load(ordering: .relaxed) == 0 else { return }
    firstFramePosition.store(max(1, core.watermarks.durablePosition), ordering: .sequentiallyConsistent)
  }

  /// Notes that every frame below `position` is contained in a slot. With the lock of `state`.
  func framesAreCovered(below position: UInt64, _ state: borrowing State) {
    firstFramePosition.store(state.framesEnd > position ? position : 0, ordering: .sequentiallyConsistent)
  }

  /// Makes the segment that cuts the log off say that frames may stand from its beginning on. Before its header
  /// is made; holds also when it never gets to the disk, for a scan that begins earlier finds the same.
  func prepareTruncation(base: UInt64) {
    state.withLock { _ in
      let first = firstFramePosition.load(ordering: .relaxed)
      if first > base { firstFramePosition.store(max(1, base), ordering: .sequentiallyConsistent) }
    }
  }

  /// Sets places back to where the log was cut off, and begins the new epoch. Once the cut is durable: places
  /// that are set back before it are saved also when it fails, and then records that are kept come again. Slots
  /// that are saved in between have the old epoch, so recovery sets them back. While the ring takes no claims.
  func followTruncation(at cut: LogMark, base: UInt64, epoch: UInt64) {
    state.withLock { state in
      state.epoch = epoch
      state.framesEnd = min(state.framesEnd, base)
      for place in state.placesByName {
        place.books.reached = min(place.books.reached, cut.sequence)
        let before = place.acknowledged
        if before > cut.sequence {
          place.books.setBackFrom = max(before, place.books.setBackFrom ?? 0)
        }
        // Also a place that stays has lost its frames behind the cut.
        place.books.recorded = nil
        place.books.recordedEnd = 0
        if place.set(to: min(before, cut.sequence)) { try? note(place) }
      }
    }
  }

  func countPlaces(_ change: Int) { placeCount.wrappingAdd(change, ordering: .relaxed) }
}
