import ArgumentParser
import Spate

/// `spate verify`.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check every checksum of a store or a queue.",
    discussion: """
      Reads everything and changes nothing; somebody may own the store meanwhile. Each finding names the file, the \
      bytes and the records that are hit. Exit code 3 when anything is damaged. What a kill or a power cut may \
      leave (a torn tail, a missing footer, a leftover file) is told and is no damage.

      JSON: {"sound","queues","segments","bytes","records","findings":[{"kind","damage","queue","path","offset",\
      "endOffset","position","endPosition","firstSequence","endSequence","firstUnreadable","endUnreadable","message"}]}

      Examples:
        spate verify logs
        spate verify logs journal --json | jq '.findings[]'
      """
  )

  @OptionGroup var store: StoreArgument

  @Argument(
    help: "The queue's name; without it all are checked.",
    completion: StoreArgument.queueCompletion
  )
  var queue: String?

  @OptionGroup var facts: FactsOptions

  func run() throws {
    var progress = ProgressBar("verify", total: StoreSize.byteCount(store.store, queue: queue))
    let result = try Store.verify(at: store.store, queue: queue) { progress.update(byteCount: $0) }
    progress.clear()
    try facts.print(json: VerificationLines.json(result), text: VerificationLines.text(result))
    guard !result.isSound else { return }
    let count = result.findings.count(where: \.kind.isDamage)
    throw CommandFailure.damaged(
      "\(count) \(count == 1 ? "place is" : "places are") damaged; `spate repair` sets it aside and says what is lost"
    )
  }
}

/// How much there is to read, for progress.
enum StoreSize {
  /// The bytes of the segments of a store or queue; nil when that cannot be told.
  static func byteCount(_ path: String, queue: String?) -> UInt64? {
    guard StandardError.isTerminal, let inspector = try? StoreInspector(path: path),
      let names = try? queue.map({ [$0] }) ?? inspector.queueNames
    else { return nil }
    return names.reduce(UInt64(0)) { sum, name in
      guard let inspection = try? inspector.queue(named: name) else { return sum }
      return sum + inspection.endPosition - min(inspection.endPosition, inspection.beginPosition)
    }
  }
}
