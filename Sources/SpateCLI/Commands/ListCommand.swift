import ArgumentParser
import Spate

/// `spate list`.
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the queues of a store.",
    discussion: """
      Reads the files as they are; nothing is changed, and somebody may own the store.

      JSON: {"queues":[{"name","records","firstSequence","endSequence","bytes","segments","firstTime","lastTime"}]}; \
      a queue that cannot be read has "name" and "error" instead.

      Example:
        spate list logs
      """
  )

  @OptionGroup var store: StoreArgument
  @OptionGroup var facts: FactsOptions

  func run() throws {
    let inspector = try StoreInspector(path: store.store)
    var failure: SpateError?
    let queues = try inspector.queueNames.map { name -> (String, QueueInspection?, SpateError?) in
      do throws(SpateError) { return (name, try inspector.queue(named: name), nil) } catch {
        failure = failure ?? error
        return (name, nil, error)
      }
    }
    try facts.print(
      json: .object([("queues", .array(queues.map { Self.json($0.0, $0.1, $0.2) }))]),
      text: Self.text(queues.compactMap(\.1))
    )
    if let failure { throw failure }
  }

  private static func json(_ name: String, _ queue: QueueInspection?, _ error: SpateError?) -> JSONValue {
    guard let queue else {
      return .object([("name", .string(name)), ("error", .optional(error?.description))])
    }
    return .object([
      ("name", .string(name)),
      ("records", .number(queue.recordCount)),
      ("firstSequence", .number(queue.firstSequence)),
      ("endSequence", .number(queue.endSequence)),
      ("bytes", .number(queue.byteCount)),
      ("segments", .number(UInt64(queue.segments.count))),
      ("firstTime", .optional(queue.firstTimestamp.map(Timestamp.text))),
      ("lastTime", .optional(queue.lastTimestamp.map(Timestamp.text))),
    ])
  }

  private static func text(_ queues: [QueueInspection]) -> String {
    guard !queues.isEmpty else { return "" }
    var table = Table([
      ("QUEUE", .left), ("RECORDS", .right), ("FIRST", .right), ("END", .right), ("SIZE", .right),
      ("SEGMENTS", .right), ("NEWEST RECORD", .left),
    ])
    for queue in queues {
      table.add([
        queue.name, "\(queue.recordCount)", "\(queue.firstSequence)", "\(queue.endSequence)",
        ByteCount.text(queue.byteCount), "\(queue.segments.count)",
        queue.lastTimestamp.map(Timestamp.shortText) ?? "-",
      ])
    }
    return table.text
  }
}
