import ArgumentParser
import Spate

/// `spate cursors`.
struct CursorsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cursors",
    abstract: "List, set or remove the named cursors of a queue.",
    discussion: """
      A named cursor is the durable place of a subscriber: the queue keeps what it has not acknowledged. `spate cat \
      --cursor` reads with one.

      Examples:
        spate cursors list shop orders
        spate cursors set shop orders billing earliest
        spate cursors remove shop orders billing
      """,
    subcommands: [ListCursorsCommand.self, SetCursorCommand.self, RemoveCursorCommand.self]
  )

  func run() throws {
    throw CommandFailure(
      message: "say what to do with the cursors: list, set or remove\nUsage: spate cursors <subcommand>",
      exitCode: CommandFailure.usageCode
    )
  }
}

/// `spate cursors list`.
struct ListCursorsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Show the named cursors with what they acknowledged and how far they are behind.",
    discussion: """
      Reads the files as they are; somebody may own the store, and cursors may then be up to a tenth of a second \
      further.

      Example:
        spate cursors list shop orders --json | jq '.cursors[].lag'
      """
  )

  @OptionGroup var target: QueueArgument

  @OptionGroup var facts: FactsOptions

  func run() throws {
    let facts = QueueFacts(queue: try StoreInspector(path: target.store).queue(named: target.queue))
    try self.facts.print(json: .object([("cursors", facts.cursorsJSON)]), text: facts.cursorTable)
  }
}

/// `spate cursors set`.
struct SetCursorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set",
    abstract: "Move a named cursor to a place, also backwards, or make it there.",
    discussion: """
      Everything before the place counts as acknowledged; what is behind it is delivered, again if need be. Nobody \
      else may own the store.

      \(Timestamp.help)

      Examples:
        spate cursors set shop orders billing earliest
        spate cursors set shop orders billing -- -100
        spate cursors set shop orders audit 2026-11-21T00:00:00Z
      """
  )

  @OptionGroup var target: QueueArgument

  @Argument(help: "The cursor's name.")
  var cursor: String

  @Argument(help: "earliest, latest, a sequence, -N (N records before the end), or a time.")
  var place: StartArgument

  func run() throws {
    let owned = try OwnedQueue(target)
    let start = place.position(in: owned.sequences)
    if owned.queue.namedCursors.contains(where: { $0.name == cursor }) {
      try owned.queue.resetCursor(named: cursor, to: start)
    } else {
      _ = try owned.queue.cursor(named: cursor, from: start)
    }
    try owned.close()
  }
}

/// `spate cursors remove`.
struct RemoveCursorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Remove a named cursor: the queue keeps nothing for it any more.",
    discussion: """
      Nobody else may own the store. A cursor of the same name that is made later begins anew.

      Example:
        spate cursors remove shop orders billing
      """
  )

  @OptionGroup var target: QueueArgument

  @Argument(help: "The cursor's name.")
  var cursor: String

  func run() throws {
    let owned = try OwnedQueue(target)
    try owned.queue.removeCursor(named: cursor)
    try owned.close()
  }
}
