import ArgumentParser
import Spate

/// `spate info`.
struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Tell what is known of a store, or of one queue.",
    discussion: """
      Of a store: who owns it, how it talks to the disk, and its queues. Of a queue: its sequences and sizes, the \
      time that it spans, its named cursors with their lag, its metadata, and its segments. Reads the files as they are; nothing is changed, and somebody may own \
      the store.

      Examples:
        spate info logs
        spate info logs journal --json | jq .endSequence
      """
  )

  @OptionGroup var store: StoreArgument

  @Argument(
    help: "The queue's name; without it the store is told about.",
    completion: StoreArgument.queueCompletion
  )
  var queue: String?

  @OptionGroup var facts: FactsOptions

  func run() throws {
    let inspector = try StoreInspector(path: store.store)
    if let queue {
      let facts = QueueFacts(queue: try inspector.queue(named: queue))
      return try self.facts.print(json: facts.json, text: facts.text)
    }
    let names = try inspector.queueNames
    let facts = StoreFacts(
      path: inspector.path,
      owner: try inspector.owner,
      description: inspector.ioDescription,
      queues: try names.map { try inspector.queue(named: $0) }
    )
    try self.facts.print(json: facts.json, text: facts.text)
  }
}
