import ArgumentParser
import Glibc
import Spate

/// `spate import`.
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make a queue from a file that `spate export` wrote.",
    discussion: """
      The queue must not exist yet; its records get the sequences, times, keys and headers that they had. With \
      --append an existing queue takes the records behind its own, with new sequences. All of them are durable \
      when the command ends with exit code 0; a file that is cut off or damaged ends it with 3, and the records \
      before that place are in the queue.

      Examples:
        spate import logs journal journal.spate
        zstdcat journal.spate.zst | spate import logs journal
      """
  )

  @OptionGroup var store: StoreArgument

  @Argument(help: "The name of the queue to make.")
  var queue: String

  @Argument(help: "The archive; - is standard input.", completion: .file())
  var file = "-"

  @Flag(help: "Append to a queue that exists already, with new sequences.")
  var append = false

  @Option(
    help: ArgumentHelp("Memory for records on their way to the disk. (default: 64MiB)", valueName: "size")
  )
  var memory: ByteCount?

  func run() throws {
    try Interruption.install()
    let descriptor = unsafe file == "-" ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CommandFailure.system("open the file", file) }
    defer { if file != "-" { close(descriptor) } }
    try checkEnd(descriptor)
    var reader = try ArchiveReader(descriptor: descriptor, path: file == "-" ? "standard input" : file)
    var options = StoreOptions()
    if let memory { options.memoryBudgetByteCount = Int(clamping: memory.bytes) }
    let store = try Store.open(at: store.store, options: options)
    if try !append && store.queueNames.contains(queue) {
      throw CommandFailure.failed("there is a queue \(queue) already; choose another name, or --append to it")
    }
    var queueOptions = QueueOptions()
    queueOptions.baseSequence = reader.baseSequence
    let importer = Importer(
      queue: try store.queue(named: queue, options: queueOptions),
      keepsSequences: !append
    )
    var failure: (any Error)?
    do { try importer.run(&reader, progress: ProgressBar("import", total: size(descriptor))) } catch {
      failure = error
    }
    do { try store.close() } catch { failure = failure ?? error }
    if let failure { throw failure }
    if let signal = Interruption.signal, reader.endSequence == nil {
      throw CommandFailure.interrupted(
        by: signal,
        "stopped behind \(reader.recordCount) records, which are durable; drop the queue and import again"
      )
    }
  }

  private func size(_ descriptor: Int32) -> UInt64? {
    var status = stat()
    unsafe fstat(descriptor, &status)
    return status.st_mode & S_IFMT == S_IFREG ? UInt64(status.st_size) : nil
  }

  /// A file that is cut off is refused before anything is made of it. Of a pipe this is known only at its end.
  private func checkEnd(_ descriptor: Int32) throws {
    guard let size = size(descriptor) else { return }
    var end: UInt64 = 0
    let count = unsafe pread(descriptor, &end, 8, off_t(size) - 8)
    guard size > UInt64(ArchiveFormat.trailerByteCount), count == 8 else { return }
    guard UInt64(littleEndian: end) != ArchiveFormat.endMagic else { return }
    var magic: UInt64 = 0
    // What is no archive at all is told by its reader.
    guard unsafe pread(descriptor, &magic, 8, 0) == 8, UInt64(littleEndian: magic) == ArchiveFormat.magic
    else {
      return
    }
    throw CommandFailure.damaged("the archive is cut off, nothing was imported; get a whole copy [\(file)]")
  }
}
