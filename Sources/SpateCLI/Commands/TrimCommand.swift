import ArgumentParser
import Spate

/// `spate trim`.
struct TrimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trim",
    abstract: "Give up the oldest records of a queue.",
    discussion: """
      Whole segments go that hold no record at or behind the place; so some records before it may stay. Nobody else \
      may own the store.

      \(Timestamp.help)

      Examples:
        spate trim logs journal --before -30d
        spate trim logs journal --before 100000
      """
  )

  @OptionGroup var target: QueueArgument

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The first record to keep for sure: a sequence, -N (the last N records), or a time.",
      valueName: "place"
    )
  )
  var before: StartArgument

  @OptionGroup var facts: FactsOptions

  func run() throws {
    let old = try StoreInspector(path: target.store).queue(named: target.queue)
    let owned = try OwnedQueue(target)
    try owned.queue.trim(before: try sequence(in: owned.queue))
    let first = owned.sequences.lowerBound
    try owned.close()
    let new = try StoreInspector(path: target.store).queue(named: target.queue)
    let freed = old.byteCount - min(old.byteCount, new.byteCount)
    let count = first - min(first, old.firstSequence)
    try facts.print(
      json: .object([
        ("firstSequence", .number(first)),
        ("trimmedRecords", .number(count)),
        ("freedBytes", .number(freed)),
      ]),
      text: "\(count) records trimmed, \(ByteCount.text(freed)) freed; the first record is \(first)\n"
    )
  }

  private func sequence(in queue: Queue) throws -> UInt64 {
    let end = queue.durableSequence
    switch before {
    case .earliest: return 0
    case .latest: return end
    case .sequence(let sequence): return sequence
    case .last(let count): return end - min(count, end)
    case .time:
      var cursor = try queue.cursor(from: before.position(in: 0..<end))
      if let record = try cursor.next() { return record.sequence }
      return end
    }
  }
}
