import ArgumentParser
import Glibc
import Spate

/// `spate cat`.
struct CatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cat",
    abstract: "Write the records of a queue to standard output.",
    discussion: """
      Each record is followed by the delimiter, so that `cat` gives back what `append` took when the input ended in \
      a newline. Without --follow it ends at what is durable when it begins.

      \(Timestamp.help)

      With --cursor it reads on behind what the named cursor acknowledged, and acknowledges what it wrote out; \
      --from then says where a new cursor begins. Only the owner of a store moves cursors: nobody else may have it \
      open then.

      Records that cannot be read are told on standard error and passed over; the exit code is then 3.

      Examples:
        spate cat logs journal --from -1h | grep error
        spate cat logs journal --follow --from latest --format json | jq .payload
        spate cat shop orders --from 1000 --until 2000
        spate cat shop orders --cursor billing --follow | bill
      """
  )

  @OptionGroup var target: QueueArgument

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Where to begin: earliest, latest (only what comes), a sequence, -N (the last N records), or a time.",
      valueName: "place"
    )
  )
  var from = StartArgument.earliest

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Where to end: end (what is durable now), before a sequence, or before the first record of a time. (default: end; with --follow, never)",
      valueName: "place"
    )
  )
  var until: EndArgument?

  @Option(help: ArgumentHelp("At most so many records.", valueName: "records"))
  var count: UInt64?

  @Flag(
    name: [.customLong("follow"), .customShort("f")],
    help: "At the end wait for more records, and write them as they become durable."
  )
  var follow = false

  @Option(
    help: ArgumentHelp("Read on with a named cursor, made where there is none.", valueName: "name")
  )
  var cursor: String?

  @Option(
    help: ArgumentHelp(
      "What ends a record: newline, nul, or length-prefixed (four bytes, big-endian, before each).",
      valueName: "delimiter"
    )
  )
  var delimiter = RecordDelimiter.newline

  @Option(
    help: ArgumentHelp(
      "payload (the bytes), json (a line with sequence, timestamp, key, headers, payload) or hex (a line of digits).",
      valueName: "format"
    )
  )
  var format = RecordFormat.payload

  @Option(
    help: ArgumentHelp("Write a record's key and this text before its payload.", valueName: "text")
  )
  var keySeparator: KeySeparator?

  func run() throws {
    var printer = RecordPrinter(format: format, delimiter: delimiter, keySeparator: keySeparator?.bytes ?? [])
    if let cursor {
      var named = try NamedCat(target, cursor: cursor, start: from)
      return try named.run(printing: &printer, follow: follow) { durableEnd in
        StopCondition(until: until, count: count, durableEnd: durableEnd, follows: follow)
      }
    }
    let reading = try StoreReading(store: target.store, queue: target.queue)
    let sequences = reading.sequences
    var cursor = try reading.queue.cursor(from: from.position(in: sequences))
    var stop = StopCondition(
      until: until,
      count: count,
      durableEnd: sequences.upperBound,
      follows: follow
    )
    var isDamaged = false
    while !stop.isReached(at: cursor.sequence) {
      do {
        try copy(from: &cursor, to: &printer, stop: &stop)
        if stop.isReached(at: cursor.sequence) || !follow { break }
        try printer.flush()
        if let record = try cursor.next(until: nil), stop.admits(record) { try printer.print(record) }
      } catch let error as SpateError where error.code == .corrupt || error.code == .ioFailed {
        isDamaged = true
        StandardError.print("spate cat: \(error)")
      }
    }
    try printer.flush()
    reading.close()
    if isDamaged { throw CommandFailure.damaged() }
  }

  /// Writes out all records that are there, up to the stop.
  private func copy(
    from cursor: inout Cursor,
    to printer: inout RecordPrinter,
    stop: inout StopCondition
  ) throws {
    while let record = try cursor.next() {
      guard stop.admits(record) else { return }
      try printer.print(record)
    }
  }
}
