import Spate

/// Writes out what a named cursor has not acknowledged, and acknowledges what was written out.
///
/// In this order: records, the kernel has them, the acknowledgement. So a command that is killed in between
/// delivers again, and never skips.
struct NamedCat: ~Copyable {
  /// How many records are acknowledged together, so that a killed command repeats no more.
  private static let batchCount = 1024

  private let owned: OwnedQueue
  private var cursor: NamedCursor
  private var last: UInt64?
  private var written = 0

  /// Opens the cursor, or makes it at `start`.
  init(_ target: QueueArgument, cursor name: String, start: StartArgument) throws {
    let owned = try OwnedQueue(target)
    let cursor = try owned.queue.cursor(named: name, from: start.position(in: owned.sequences))
    self.owned = owned
    self.cursor = cursor
  }

  /// Writes records until the stop is reached, or, without following, until there are no more.
  ///
  /// - Parameter stop: made of the sequence behind what is durable now.
  mutating func run(
    printing printer: inout RecordPrinter,
    follow: Bool,
    stop makeStop: (_ durableEnd: UInt64) -> StopCondition
  ) throws {
    try Interruption.install()
    var stop = makeStop(owned.sequences.upperBound)
    while !stop.isReached(at: cursor.sequence), Interruption.signal == nil {
      guard try next(&printer, &stop, waiting: false) else {
        try settle(&printer)
        guard follow, !stop.isReached(at: cursor.sequence) else { break }
        _ = try next(&printer, &stop, waiting: true)
        continue
      }
      if written >= Self.batchCount { try settle(&printer) }
    }
    try settle(&printer)
    try owned.close()
    if let signal = Interruption.signal { throw CommandFailure.interrupted(by: signal) }
  }

  /// Writes the next record; false when there is none that is wanted.
  private mutating func next(
    _ printer: inout RecordPrinter,
    _ stop: inout StopCondition,
    waiting: Bool
  ) throws -> Bool {
    // Now and then, to see whether a signal came.
    let deadline: ContinuousClock.Instant = waiting ? .now + .milliseconds(100) : .now - .seconds(1)
    guard let record = try cursor.next(until: deadline), stop.admits(record) else { return false }
    try printer.print(record)
    last = record.sequence
    written += 1
    return true
  }

  /// Hands what was printed to the kernel, then acknowledges it.
  private mutating func settle(_ printer: inout RecordPrinter) throws {
    try printer.flush()
    if let last { try cursor.acknowledge(through: last) }
    last = nil
    written = 0
  }
}
