import ArgumentParser
import Spate

/// `spate dump`.
struct DumpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Show the headers and frames of a segment, readably.",
    discussion: """
      One line a frame: where it begins in the file, its position in the log, what it is, its sequence, time, sizes \
      and the beginning of its payload. Bytes that are no frames are shown as a damaged range; the exit code is \
      then 3. With --json each line is an object with "kind".

      Examples:
        spate dump logs journal --segment 3 | less
        spate dump logs journal --headers
      """
  )

  @OptionGroup var target: QueueArgument

  @Option(help: ArgumentHelp("The segment's number; without it all are shown.", valueName: "number"))
  var segment: UInt64?

  @Flag(help: "Show the segments' headers only.")
  var headers = false

  @Option(help: ArgumentHelp("How many bytes of each payload to show.", valueName: "count"))
  var bytes = 48

  @OptionGroup var facts: FactsOptions

  func validate() throws {
    guard (0...65536).contains(bytes) else { throw ValidationError("--bytes takes 0 to 65536.") }
  }

  func run() throws {
    let inspector = try StoreInspector(path: target.store)
    let inspection = try inspector.queue(named: target.queue)
    let numbers = segment.map { [$0] } ?? inspection.segments.filter(\.isUsed).map(\.number)
    var output = OutputBuffer()
    var isDamaged = false
    for number in numbers {
      var reader = try inspector.segment(number, ofQueue: target.queue, prefixByteCount: bytes)
      let head = SegmentLines(segment: reader.segment)
      try output.append(facts.json ? head.json.text + "\n" : head.text)
      while !headers, let item = reader.next() {
        if case .damage = item { isDamaged = true }
        let line = FrameLine(item: item)
        try output.append(facts.json ? line.json.text : line.text)
        try output.append(UInt8(ascii: "\n"))
      }
    }
    try output.flush()
    if isDamaged {
      throw CommandFailure.damaged("a segment is damaged; run `spate verify \(target.store) \(target.queue)`")
    }
  }
}
