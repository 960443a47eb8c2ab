import ArgumentParser
import Glibc
import Spate

/// `spate drop`.
struct DropCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drop",
    abstract: "Remove a queue with all its records and cursors.",
    discussion: """
      Asks first on a terminal; elsewhere --yes is needed. Nobody else may own the store. A queue that is damaged can be \
      dropped too.

      Examples:
        spate drop logs journal
        spate drop logs journal --yes
      """
  )

  @OptionGroup var target: QueueArgument

  @Flag(help: "Do not ask.")
  var yes = false

  func run() throws {
    var options = StoreOptions()
    options.createsIfMissing = false
    let store = try Store.open(at: target.store, options: options)
    if try !store.queueNames.contains(target.queue) {
      throw CommandFailure.failed(
        "there is no queue \(target.queue); `spate list` shows those that there are [\(store.path)]"
      )
    }
    guard try yes || isConfirmed(store) else {
      throw CommandFailure.failed("queue \(target.queue) was not dropped")
    }
    try store.drop(queueNamed: target.queue)
    try store.close()
  }

  private func isConfirmed(_ store: Store) throws -> Bool {
    guard isatty(STDIN_FILENO) == 1, StandardError.isTerminal else {
      throw CommandFailure.failed(
        "queue \(target.queue) was not dropped: say --yes where nobody can be asked"
      )
    }
    let inspection = try? StoreInspector(path: store.path).queue(named: target.queue)
    let content = inspection.map { "\($0.recordCount) records, \(ByteCount.text($0.byteCount))" } ?? "damaged"
    StandardError.write("Drop queue \(target.queue) (\(content))? [y/N] ")
    return ["y", "yes"].contains(readLine()?.lowercased())
  }
}
