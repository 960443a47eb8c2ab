import ArgumentParser
import Spate

/// `spate repair`.
struct RepairCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Mend a damaged store, and say exactly what is lost.",
    discussion: """
      Nobody may own the store. Whole records are kept where they are; bytes that cannot be read are copied to the \
      queue's aside/ directory, and readers pass over their place from then on. Headers, footers and manifests that \
      do not match their checksums are written anew from what the records say. Nothing that cannot be read is \
      deleted, and nothing ever runs this by itself. When it ends, everything is checked once more.

      Exit code 0: the store is sound now, whatever was lost. 3: something is still damaged.

      JSON: {"actions":[{"action","queue","path","aside","offset","endOffset"}],"lost":[{"queue","firstSequence",\
      "endSequence"}],"sound","remaining":[…]}; the last as the findings of `verify`.

      Example:
        spate repair logs
      """
  )

  @OptionGroup var store: StoreArgument

  @Argument(
    help: "The queue's name; without it all are mended.",
    completion: StoreArgument.queueCompletion
  )
  var queue: String?

  @OptionGroup var facts: FactsOptions

  func run() throws {
    let total = StoreSize.byteCount(store.store, queue: queue).map { 2 * $0 }
    var progress = ProgressBar("repair", total: total)
    var before: UInt64 = 0
    var last: UInt64 = 0
    let result = try Store.repair(at: store.store, queue: queue) { byteCount in
      // It begins anew with each queue, and with the check at the end.
      if byteCount < last { before += last }
      last = byteCount
      progress.update(byteCount: before + byteCount)
    }
    progress.clear()
    try facts.print(json: json(result), text: text(result))
    guard result.verification.isSound else {
      throw CommandFailure.damaged(
        "something is still damaged; restore the store from a copy, or export what is left"
      )
    }
  }

  private func text(_ result: StoreRepair) -> String {
    var text = ""
    for action in result.actions {
      text += "\(Self.verb(action.kind))  \(action.path)"
      if let offsets = action.fileOffsets {
        text += "  bytes \(offsets.lowerBound) up to \(offsets.upperBound)"
      }
      if let aside = action.asidePath { text += "; what was there is in \(aside)" }
      text += "\n"
    }
    for loss in result.losses {
      let count = loss.sequences.count
      text +=
        "LOST      queue \(loss.queue): \(count == 1 ? "record" : "\(count) records, sequences") \(loss.sequences.lowerBound)"
      text += count == 1 ? "\n" : " to \(loss.sequences.upperBound - 1)\n"
    }
    return text + VerificationLines.text(result.verification)
  }

  private static func verb(_ kind: StoreRepair.Action.Kind) -> String {
    switch kind {
    case .rewroteManifest, .rewroteHeader, .rewroteFooter: "rewrote "
    case .clearedCursorPlaces: "cleared "
    case .filledRange, .filledSegment: "filled  "
    default: "set aside"
    }
  }

  private func json(_ result: StoreRepair) -> JSONValue {
    .object([
      (
        "actions",
        .array(
          result.actions.map { action in
            .object([
              ("action", .string(action.kind.rawValue)),
              ("queue", .optional(action.queue)),
              ("path", .string(action.path)),
              ("aside", .optional(action.asidePath)),
              ("offset", .optional(action.fileOffsets?.lowerBound)),
              ("endOffset", .optional(action.fileOffsets?.upperBound)),
            ])
          }
        )
      ),
      (
        "lost",
        .array(
          result.losses.map { loss in
            .object([
              ("queue", .string(loss.queue)),
              ("firstSequence", .number(loss.sequences.lowerBound)),
              ("endSequence", .number(loss.sequences.upperBound)),
            ])
          }
        )
      ),
      ("sound", .boolean(result.verification.isSound)),
      ("remaining", .array(result.verification.findings.map(VerificationLines.json))),
    ])
  }
}
