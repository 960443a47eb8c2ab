import Spate

/// What `info` tells of a store.
struct StoreFacts {
  let path: String
  let owner: Int32?
  let description: StorageDescription
  let queues: [QueueInspection]

  private var byteCount: UInt64 { queues.reduce(0) { $0 + $1.byteCount } }

  var json: JSONValue {
    .object([
      ("path", .string(path)),
      ("ownerProcess", .optional(owner.map { UInt64($0) })),
      ("strategy", .string(description.strategy.description)),
      ("strategyReason", .optional(description.strategyReason)),
      ("fileMode", .string(description.mode.description)),
      ("fileModeReason", .optional(description.modeReason)),
      ("blockBytes", .number(UInt64(description.blockByteCount))),
      ("bytes", .number(byteCount)),
      ("queues", .array(queues.map { .string($0.name) })),
    ])
  }

  var text: String {
    let ownerText = owner.map { $0 == 0 ? "a process that cannot be seen from here" : "process \($0)" }
    let lines = [
      ("store", path),
      ("owner", ownerText ?? "nobody"),
      ("input and output", description.description),
      ("size", ByteCount.text(byteCount)),
      ("queues", queues.isEmpty ? "none" : queues.map(\.name).joined(separator: ", ")),
    ]
    return FactLines.text(lines)
  }
}

/// Named facts, one a line, in two columns.
enum FactLines {
  static func text(_ lines: [(String, String)]) -> String {
    let width = lines.map(\.0.count).max() ?? 0
    return lines.map { name, value in
      name + String(repeating: " ", count: width - name.count + 2) + value + "\n"
    }.joined()
  }
}
