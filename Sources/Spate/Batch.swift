import Synchronization

/// Records that a cursor lends together, where they are: in the ring or in mapped segments.
///
/// Holds its pins and windows until it is released, wherever its cursor goes meanwhile; so release it, or let
/// the last reference go, when the records were dealt with. Only so many batches of one cursor may be out at
/// a time. Any thread may read a batch, several at once too.
public final class Batch: @unchecked Sendable {
  /// A record's place in memory.
  @safe
  struct Entry {
    // SAFETY: points into what one of the batch's leases holds.
    let frame: UnsafeRawPointer
    let sequence: UInt64
  }

  private static var released: UInt64 { 1 << 63 }

  // SAFETY: written by the initializer, and emptied once, by whoever ends the last use after the release:
  // `uses` decides who.
  private var entries: [Entry]
  private var leases: [Lease]
  private let allowance: BatchAllowance
  /// The right to acknowledge, when the batch came from a named cursor.
  let hold: CursorHold?
  /// How many truncations the cursor had seen.
  let seenTruncations: UInt64
  /// Bit 63: released. Below it: how many read the batch now.
  private let uses = Atomic<UInt64>(0)

  /// How many records the batch holds; at least one.
  public let count: Int
  /// The sequence of the first record.
  public let firstSequence: UInt64
  /// The sequence after that of the last record. Sequences in between that were abandoned have no record.
  public let endSequence: UInt64

  /// Takes over a place of the allowance. `entries` is not empty.
  init(
    entries: [Entry],
    leases: [Lease],
    allowance: BatchAllowance,
    hold: CursorHold? = nil,
    seenTruncations: UInt64 = 0
  ) {
    self.hold = hold
    self.seenTruncations = seenTruncations
    self.entries = entries
    self.leases = leases
    self.allowance = allowance
    count = entries.count
    firstSequence = entries[0].sequence
    endSequence = entries[entries.count - 1].sequence + 1
  }

  /// A batch whose records are known to the holder of `views` alone, who takes over a place of the allowance. `views`
  /// is not empty.
  init(
    views: RecordViews,
    leases: [Lease],
    allowance: BatchAllowance,
    hold: CursorHold?,
    seenTruncations: UInt64
  ) {
    self.hold = hold
    self.seenTruncations = seenTruncations
    entries = []
    self.leases = leases
    self.allowance = allowance
    count = views.count
    firstSequence = views[0].sequence
    endSequence = views[views.count - 1].sequence + 1
  }

  deinit { release() }

  /// Calls `body` with each record, in order. Any thread.
  ///
  /// The batch must not be released yet: reading a released one is a programmer's error and traps.
  ///
  /// - Complexity: O(count); nothing is copied.
  public func forEach<Failure: Error>(_ body: (borrowing Record) throws(Failure) -> Void) throws(Failure) {
    begin()
    defer { end() }
    for entry in entries { try body(unsafe Record(frame: entry.frame, sequence: entry.sequence)) }
  }

  /// Calls `body` with the record at `index` and returns what it returns. Any thread. As ``forEach(_:)``.
  ///
  /// - Complexity: O(1)
  public func withRecord<Result, Failure: Error>(
    at index: Int,
    _ body: (borrowing Record) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    begin()
    defer { end() }
    let entry = entries[index]
    return try body(unsafe Record(frame: entry.frame, sequence: entry.sequence))
  }

  /// Gives the bytes back. Uses that are going on, on other threads, end first. Releasing twice does nothing.
  /// Any thread.
  public func release() {
    // ORDERING: acquire and release: reads of the bytes come before they are given back.
    let before = uses.bitwiseOr(Self.released, ordering: .acquiringAndReleasing).oldValue
    if before == 0 { giveBack() }
  }

  private func begin() {
    // ORDERING: acquire: pairs with nothing but the count's own order.
    let before = uses.wrappingAdd(1, ordering: .acquiring).oldValue
    precondition(before & Self.released == 0, "the batch was released")
  }

  private func end() {
    let after = uses.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
    if after == Self.released { giveBack() }
  }

  private func giveBack() {
    entries = []
    leases = []
    allowance.giveBack()
  }
}
