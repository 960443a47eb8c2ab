import ArgumentParser
import Glibc
import Spate

/// `spate append`.
struct AppendCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "append",
    abstract: "Append records from files or standard input to a queue.",
    discussion: """
      Every record gets a sequence, in the order of the input (with --producers 1). Records are appended without \
      waiting for one another; when the command ends without a failure all of them are durable. A final newline is \
      not a record, an empty line is one.

      SIGINT and SIGTERM stop the reading; what was read is appended and made durable, then the command ends by \
      that signal. A second signal ends it at once. A full disk ends it too, with exit code 1 and the number of \
      records that are durable.

      Examples:
        journalctl -f | spate append logs journal
        spate append shop orders --key-separator , --acks orders.csv
        find . -print0 | spate append files names --delimiter nul
      """
  )

  @OptionGroup var store: StoreArgument

  @Argument(
    help: "The queue's name; it is made when there is none.",
    completion: StoreArgument.queueCompletion
  )
  var queue: String

  @Argument(help: ArgumentHelp("Files to read; - is standard input.", valueName: "file"), completion: .file())
  var files: [String] = ["-"]

  @Option(
    help: ArgumentHelp(
      "What ends a record: newline, nul, or length-prefixed (four bytes, big-endian, before each).",
      valueName: "delimiter"
    )
  )
  var delimiter = RecordDelimiter.newline

  @Option(
    help: ArgumentHelp(
      "What --acks and --window wait for: durable (on the medium), written (the kernel has it), published (in memory).",
      valueName: "level"
    )
  )
  var level = RecordLevel.durable

  @Option(
    help: ArgumentHelp(
      "Append with so many threads; with more than one the order is not kept.",
      valueName: "count"
    )
  )
  var producers = 1

  @Option(
    help: ArgumentHelp(
      "At most so many records that have not reached the level. (default: what memory takes)",
      valueName: "count"
    )
  )
  var window: UInt64?

  @Option(help: ArgumentHelp("At most so many records a second.", valueName: "records"))
  var rate: Double?

  @Option(
    help: ArgumentHelp(
      "What comes before the first one of these in a record becomes its key. \\t, \\n, \\0 and \\\\ are understood.",
      valueName: "text"
    )
  )
  var keySeparator: KeySeparator?

  @Flag(
    help: "Print each record's sequence on a line of its own once the record has reached the level, in order."
  )
  var acks = false

  @OptionGroup(title: "Options for the store and the queue") var creation: QueueCreation

  func validate() throws {
    guard (1...256).contains(producers) else { throw ValidationError("--producers takes 1 to 256.") }
    guard window != 0 else { throw ValidationError("--window takes at least 1.") }
    if let rate, !(rate > 0 && rate <= 1e9) { throw ValidationError("--rate takes more than 0, up to 1e9.") }
  }

  func run() throws {
    try Interruption.install()
    let store = try creation.openStore(store.store)
    let queue = try store.queue(named: queue, options: creation.queueOptions(for: level))
    let run = AppendRun(
      queue: queue,
      delimiter: delimiter,
      level: level,
      window: window,
      keySeparator: keySeparator?.bytes ?? [],
      pacer: rate.map { Pacer(recordsPerSecond: $0) }
    )
    let acknowledger = acks ? Acknowledger(queue: queue, level: level.level, run: run) : nil
    let crew = try ProducerCrew(
      run: run,
      count: producers,
      progress: ProgressBar(
        "append",
        total: inputByteCount,
        isWanted: !isTypedIn && !(acks && isatty(STDOUT_FILENO) == 1)
      )
    )
    do {
      try acknowledger?.start()
      for file in files where !run.isStopping { try append(file, crew: crew) }
    } catch {
      run.fail(error)
    }
    crew.finish()
    try finish(run, store: store, acknowledger: acknowledger)
  }

  /// Whether a person types the records.
  private var isTypedIn: Bool { files.contains("-") && isatty(STDIN_FILENO) == 1 }

  /// The bytes of all files; nil when there is something else among them.
  private var inputByteCount: UInt64? {
    var sum: UInt64 = 0
    for path in files {
      var status = stat()
      guard unsafe (path == "-" ? fstat(STDIN_FILENO, &status) : stat(path, &status)) == 0,
        status.st_mode & S_IFMT == S_IFREG
      else { return nil }
      sum += UInt64(status.st_size)
    }
    return sum
  }

  private func append(_ path: String, crew: ProducerCrew) throws {
    let descriptor = unsafe path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CommandFailure.system("open the file", path) }
    defer { if path != "-" { close(descriptor) } }
    try crew.append(
      from: RecordBlockReader(
        descriptor: descriptor,
        path: path == "-" ? "standard input" : path,
        delimiter: delimiter,
        maximalRecordByteCount: creation.maximalRecordByteCount
      )
    )
  }

  /// Waits until everything that was appended is durable, then says how it ended.
  private func finish(_ run: AppendRun, store: Store, acknowledger: Acknowledger?) throws {
    var failure = run.failure
    if failure == nil, level != .published, let last = run.lastSequence {
      do { try run.queue.wait(for: last, level: level.level) } catch { failure = error }
    }
    do { try acknowledger?.finish() } catch { failure = failure ?? error }
    let durable = run.queue.durableSequence
    do { try store.close() } catch { failure = failure ?? error }
    if let failure { throw run.explained(failure, durableSequence: durable) }
    if let signal = Interruption.signal { throw CommandFailure.interrupted(by: signal) }
  }
}
