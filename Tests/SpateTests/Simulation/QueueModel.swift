@testable import Spate

/// What a queue must hold, as its callers were told: the oracle of a simulation.
final class QueueModel {
  /// One sequence of the log.
  struct Entry {
    enum State {
      case published
      /// Claimed and not published: no cursor may show it.
      case claimed
      case abandoned
    }

    var record: SimulatedRecord
    /// The fencing epoch of the handle that appended it.
    var fence: UInt64
    /// Where its atomic batch begins and ends.
    var batch: Range<UInt64>
    var state: State
    var isVisible: Bool { state == .published }
  }

  let name: String
  let base: UInt64
  private(set) var entries: [Entry] = []
  /// Everything below this was acknowledged as durable.
  var durable: UInt64
  /// Everything below this was acknowledged as written.
  var written: UInt64
  /// The log was said to begin here: what is below must not come back.
  var first: UInt64
  /// What has been allowed to go.
  var allowedFirst: UInt64
  /// How far somebody trimmed by hand, or retention may evict what cursors need.
  var forcedFirst: UInt64
  var mayEvict = false
  /// The place of a truncation that was begun and of which it is not known whether it came to be.
  var truncating: UInt64?
  /// Whether the queue's state in memory is not to be judged any more before it is opened again.
  var isOpaque = false
  /// The highest epoch in which a record was published that is gone.
  var lostEpoch: UInt64 = 0
  var epoch: UInt64 = 0
  /// The fencing epoch that was said to be in force, durably.
  var fence: UInt64 = 0
  /// Newer ones that somebody asked for and was not given: any of them may be found.
  var askedFences: Set<UInt64> = []
  var mustExist = false
  var isDropping = false
  var cursors: [String: CursorModel] = [:]
  /// What was set as the queue's metadata: each value holds once the log holds all below `end`.
  var values: [(end: UInt64, value: [UInt8])] = []
  /// Cursors that were removed durably, and where those may have stood of which that is not known.
  var goneCursors: Set<String> = []
  var doubtfulCursors: [String: ClosedRange<UInt64>] = [:]

  init(name: String, base: UInt64) {
    self.name = name
    self.base = base
    durable = base
    written = base
    first = base
    allowedFirst = base
    forcedFirst = base
  }

  /// The sequence of the next record.
  var end: UInt64 { base + UInt64(entries.count) }

  subscript(sequence: UInt64) -> Entry? {
    sequence >= base && sequence < end ? entries[Int(sequence - base)] : nil
  }

  // MARK: What is appended

  /// Adds the records of one append.
  func append(_ records: [SimulatedRecord], fence: UInt64, state: Entry.State = .published) {
    let batch = end..<end + UInt64(records.count)
    for record in records {
      entries.append(Entry(record: record, fence: fence, batch: batch, state: state))
    }
  }

  /// A claim was published or given up.
  func settle(_ sequence: UInt64, _ record: SimulatedRecord, as state: Entry.State) {
    guard let entry = self[sequence], entry.record == record, entry.state == .claimed else { return }
    entries[Int(sequence - base)].state = state
  }

  /// The end was cut off, on purpose or by a power cut.
  func cut(at sequence: UInt64) {
    guard sequence < end else { return }
    entries.removeLast(Int(end - sequence))
    durable = min(durable, sequence)
    written = min(written, sequence)
  }

  /// The end was cut off on purpose.
  func didTruncate(at sequence: UInt64) {
    cut(at: sequence)
    // Values stay as they were set last.
    values = values.suffix(1).map { (0, $0.value) }
    for name in cursors.keys { cursors[name]?.cut(at: sequence) }
  }

  /// Whether the log may end at `sequence`: batches are all or nothing.
  func isBoundary(_ sequence: UInt64) -> Bool {
    guard let entry = self[sequence] else { return sequence == end }
    return entry.batch.lowerBound == sequence
  }

  /// A sequence at which a truncation may cut.
  func boundary(near sequence: UInt64) -> UInt64 { self[sequence]?.batch.lowerBound ?? end }

  // MARK: Fencing

  /// A fencing epoch is in force, durably.
  func settleFence(_ epoch: UInt64) {
    fence = epoch
    askedFences = askedFences.filter { $0 > epoch }
  }

  /// The last record through a handle of an epoch that is older.
  func lastSequence(before epoch: UInt64) -> UInt64? {
    entries.lastIndex { $0.fence < epoch }.map { base + UInt64($0) }
  }

  // MARK: What is told

  /// Takes over what the engine says of itself now.
  func observe(_ queue: Queue) {
    guard !isOpaque else { return }
    durable = max(durable, queue.core.watermarks.durableSequence)
    written = max(written, queue.core.watermarks.writtenSequence)
    if let begin = queue.core.catalog.first?.baseSequence { first = max(first, begin) }
  }

  /// What the named cursors allow to go now. One that is just being made, or whose making failed, holds nothing: nobody was
  /// told that it is there.
  func allowTrimming() {
    let places = cursors.values.filter { !$0.isInDoubt }.map { cursor in
      cursor.pending.reduce(cursor.memory) { max($0, $1.place) }
    }
    if let lowest = places.min() { allowedFirst = max(allowedFirst, lowest) }
  }

  /// Judges a record that was read when `expected` was the next one. Returns what is wrong.
  func judge(_ record: borrowing Record, expected: UInt64, first: UInt64) -> String? {
    guard record.sequence >= expected else {
      return "record \(record.sequence) was read again, behind \(expected)"
    }
    var skipped = max(expected, first)
    while skipped < record.sequence {
      if self[skipped]?.isVisible ?? true { return "record \(skipped) was skipped" }
      skipped += 1
    }
    guard let entry = self[record.sequence] else {
      return "record \(record.sequence) was never appended: the end is \(end)"
    }
    guard entry.isVisible else { return "record \(record.sequence) was \(entry.state), not published" }
    guard entry.record.matches(record.payload) else {
      return "record \(record.sequence) has other bytes than were appended"
    }
    return nil
  }
}

/// What is known of one named cursor's place.
struct CursorModel {
  /// Whether it was said to be durable that the cursor is there.
  var mustExist = false
  /// Whether making it failed, so that it may not be there at all.
  var isInDoubt = false
  /// Where the place stands in memory.
  var memory: UInt64
  /// What may be found after the power went.
  var lowest: UInt64
  var highest: UInt64

  /// A transaction that moves the place once its batch is durable.
  struct Pending {
    var destination: String
    /// Where the batch ends in the destination.
    var end: UInt64
    var place: UInt64
  }

  /// Transactions on their way, in order.
  var pending: [Pending] = []

  init(at sequence: UInt64) {
    memory = sequence
    lowest = sequence
    highest = sequence
  }

  mutating func acknowledge(_ sequence: UInt64) {
    memory = max(memory, sequence)
    highest = max(highest, sequence)
  }

  /// Somebody is about to move the place.
  mutating func mayMove(to sequence: UInt64) {
    lowest = min(lowest, sequence)
    highest = max(highest, sequence)
  }

  /// The place was moved, also backwards.
  mutating func move(to sequence: UInt64) {
    memory = sequence
    lowest = min(lowest, sequence)
    highest = max(highest, sequence)
  }

  /// Where the place may stand now.
  func mayStand(at sequence: UInt64) -> Bool {
    sequence == memory || pending.contains { max(memory, $0.place) == sequence }
  }

  /// It is not known what became of transactions to a queue that are on their way.
  mutating func forgetPending(into destination: String) {
    for one in pending where one.destination == destination { highest = max(highest, one.place) }
    pending.removeAll { $0.destination == destination }
  }

  /// What was committed to a queue and is durable holds.
  mutating func settlePending(into destination: String, below durable: UInt64) {
    for one in pending where one.destination == destination && one.end <= durable {
      memory = max(memory, one.place)
      lowest = max(lowest, one.place)
      highest = max(highest, one.place)
    }
    pending.removeAll { $0.destination == destination && $0.end <= durable }
  }

  /// The log's end was cut off.
  mutating func cut(at sequence: UInt64) {
    memory = min(memory, sequence)
    lowest = min(lowest, sequence)
    highest = min(highest, sequence)
    for index in pending.indices { pending[index].place = min(pending[index].place, sequence) }
  }

  /// What stood in memory at that time was said to be durable.
  mutating func settle(_ sequence: UInt64) {
    lowest = pending.isEmpty ? sequence : max(lowest, sequence)
    highest = max(sequence, memory)
  }
}
