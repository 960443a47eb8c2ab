import ArgumentParser
import Glibc
import Spate

/// `spate export`.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a queue to one portable file with checksums.",
    discussion: """
      The archive keeps sequences, times, keys and headers; named cursors and metadata are not in it. Somebody may own \
      the store meanwhile: what is durable when it begins is exported. A file gets its name when it is whole and \
      on the disk.

      Records that cannot be read are told on standard error and left out; the exit code is then 3.

      \(Timestamp.help)

      Examples:
        spate export logs journal journal.spate
        spate export logs journal | zstd > journal.spate.zst
      """
  )

  @OptionGroup var target: QueueArgument

  @Argument(help: "The file to make; - is standard output.", completion: .file())
  var file = "-"

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Where to begin: earliest, a sequence, -N (the last N records), or a time.",
      valueName: "place"
    )
  )
  var from = StartArgument.earliest

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Where to end: end, before a sequence, or before the first record of a time.",
      valueName: "place"
    )
  )
  var until = EndArgument.end

  func run() throws {
    guard file != "-" || isatty(STDOUT_FILENO) == 0 else {
      throw CommandFailure.failed("an archive is no text: name a file, or send it through a pipe")
    }
    try Interruption.install()
    let reading = try StoreReading(store: target.store, queue: target.queue)
    defer { reading.close() }
    let isDamaged: Bool
    if file == "-" {
      isDamaged = try write(reading, to: OutputBuffer())
    } else {
      let target = try NewFile(path: file)
      isDamaged = try write(
        reading,
        to: OutputBuffer(descriptor: target.descriptor, path: target.temporaryPath)
      )
      try target.finish()
    }
    if isDamaged { throw CommandFailure.damaged() }
  }

  /// Writes the archive. Returns whether something could not be read.
  private func write(_ reading: StoreReading, to output: consuming OutputBuffer) throws -> Bool {
    let sequences = reading.sequences
    var cursor = try reading.queue.cursor(from: from.position(in: sequences))
    var stop = StopCondition(until: until, count: nil, durableEnd: sequences.upperBound, follows: false)
    var writer = try ArchiveWriter(output: output, queue: target.queue, baseSequence: cursor.sequence)
    var progress = ProgressBar("export", total: nil)
    var isDamaged = false
    while !stop.isReached(at: cursor.sequence) {
      do {
        while let record = try cursor.next(), stop.admits(record) {
          try writer.append(record)
          if writer.recordCount % 1024 == 0 {
            if let signal = Interruption.signal { throw CommandFailure.interrupted(by: signal) }
            progress.update(byteCount: writer.byteCount, recordCount: writer.recordCount)
          }
        }
        break
      } catch let error as SpateError where error.code == .corrupt || error.code == .ioFailed {
        isDamaged = true
        progress.clear()
        StandardError.print("spate export: \(error)")
      }
    }
    try writer.finish(endSequence: stop.endSequence(at: cursor.sequence))
    return isDamaged
  }
}
