import Synchronization

/// One named cursor's place in memory. Acknowledging is an atomic maximum and a flag; the rest is the
/// registry's.
@safe
final class NamedPlace: @unchecked Sendable {
  // SAFETY: `books` is touched under the registry's lock only; everything else is a constant or atomic.
  let name: [UInt8]
  let identifier: CursorIdentifier
  private let acknowledgedWord: Atomic<UInt64>
  private let changed = Atomic<Bool>(false)
  private let inTransaction = Atomic<Bool>(false)
  /// What the registry knows of the place.
  var books: Books

  /// How far the place has come on its way to the medium.
  struct Books {
    /// Where its slots are.
    var pair: CursorFile.Pair
    /// What the last frame or the last synced slot says, whichever is newer; nil when neither exists.
    var recorded: UInt64?
    /// Where the log must be durable for `recorded` to be: the end of its frame, or 0 when a slot has it.
    var recordedEnd: UInt64 = 0
    /// What the newest slot says; nil when there is none.
    var saved: UInt64?
    /// Counts the frames, so that a slot that was written meanwhile is told apart from one that has them all.
    var frameCount: UInt64 = 0
    /// Whether there are frames that the newest slot does not contain.
    var hasFrames = false
    /// The ordinal of the newest frame that the place contains.
    var ordinal: UInt64 = 0
    /// The ordinal of the newest frame of all: higher while a transaction is on its way.
    var lastOrdinal: UInt64 = 0
    /// The ordinal in the newest slot.
    var savedOrdinal: UInt64 = 0
    /// The queues whose logs may hold acknowledgements of the place.
    var destinations: [QueueIdentifier] = []
    /// How many of them the newest slot lists.
    var listedCount = 0
    /// How many transactions are on their way.
    var transactionCount = 0
    /// The highest place that one of them acknowledges below; 0 while there is none.
    var reached: UInt64 = 0
    /// Where they go.
    var destination: QueueCore?
    /// Where the place goes once they have arrived.
    var deferred: UInt64?
    var isHeld = false
    var isRemoved = false
    var resumption: CursorResumption
    /// Where the place stood before it was set back, until somebody was told.
    var setBackFrom: UInt64?
    /// Records that were evicted unread in this life of the queue.
    var evictedCount: UInt64 = 0
  }

  init(name: [UInt8], identifier: CursorIdentifier, acknowledged: UInt64, books: Books) {
    self.name = name
    self.identifier = identifier
    self.books = books
    acknowledgedWord = Atomic(acknowledged)
  }

  /// Everything below this is acknowledged.
  @inline(__always)
  var acknowledged: UInt64 {
    // ORDERING: sequentially consistent with `takeChanged`: see there.
    acknowledgedWord.load(ordering: .sequentiallyConsistent)
  }

  /// Moves the place forward. Returns whether the registry has to be told; any thread.
  @inline(__always)
  func raise(to end: UInt64) -> Bool {
    guard acknowledgedWord.load(ordering: .relaxed) < end else { return false }
    // ORDERING: sequentially consistent: the place is stored before the flag is looked at. Whoever records the
    // place clears the flag before it reads the place: one of the two sees the other.
    acknowledgedWord.max(end, ordering: .sequentiallyConsistent)
    if changed.load(ordering: .sequentiallyConsistent) { return false }
    return !changed.exchange(true, ordering: .sequentiallyConsistent)
  }

  /// Moves the place forward without telling anybody. With the registry's lock.
  func lift(to end: UInt64) { acknowledgedWord.max(end, ordering: .sequentiallyConsistent) }

  /// Whether a transaction of the place is on its way. One relaxed load: an acknowledgement beside one that is
  /// just being committed counts as the earlier of the two.
  @inline(__always)
  var isInTransaction: Bool { inTransaction.load(ordering: .relaxed) }

  /// Notes whether a transaction is on its way. With the registry's lock.
  func noteTransaction(_ isOnItsWay: Bool) { inTransaction.store(isOnItsWay, ordering: .relaxed) }

  /// Moves the place anywhere. With the registry's lock. Returns whether the registry has to be told.
  func set(to sequence: UInt64) -> Bool {
    acknowledgedWord.store(sequence, ordering: .sequentiallyConsistent)
    return !changed.exchange(true, ordering: .sequentiallyConsistent)
  }

  /// Notes a change that is no move: the cursor was made or removed. Returns whether the registry has to be told.
  func noteChange() -> Bool { !changed.exchange(true, ordering: .sequentiallyConsistent) }

  /// Clears the flag, before the place is read to be recorded.
  func takeChange() { changed.store(false, ordering: .sequentiallyConsistent) }

  /// The name as text.
  var text: String { String(decoding: name, as: UTF8.self) }
}
