import ArgumentParser
import Spate

/// How a store and a queue are opened for appending, and made where there are none.
struct QueueCreation: ParsableArguments {
  @Flag(help: "Fail when there is no such store or queue, instead of making it.")
  var noCreate = false

  @Option(help: ArgumentHelp("The first record's sequence in a new queue.", valueName: "sequence"))
  var baseSequence: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "The largest segment file, a power of two from 64KiB to 4GiB; a queue begins with small ones. (default: 256MiB)",
      valueName: "size"
    )
  )
  var segmentSize: ByteCount?

  @Option(
    help: ArgumentHelp(
      "Keep at most so many bytes of segment files while appending: the oldest are trimmed, but for what a named cursor still needs.",
      valueName: "size"
    )
  )
  var retain: ByteCount?

  @Option(
    help: ArgumentHelp("Refuse appends while the queue's files take so many bytes.", valueName: "size")
  )
  var quota: ByteCount?

  @Option(
    help: ArgumentHelp("Memory for records on their way to the disk. (default: 64MiB)", valueName: "size")
  )
  var memory: ByteCount?

  /// Opens the store, making it if it may be made.
  func openStore(_ path: String) throws -> Store { try Store.open(at: path, options: storeOptions) }

  /// The store's options.
  var storeOptions: StoreOptions {
    var options = StoreOptions()
    options.createsIfMissing = !noCreate
    if let segmentSize {
      options.maximalSegmentByteCount = segmentSize.bytes
      options.minimalSegmentByteCount = min(options.minimalSegmentByteCount, segmentSize.bytes)
    }
    if let memory { options.memoryBudgetByteCount = Int(clamping: memory.bytes) }
    return options
  }

  /// The queue's options.
  func queueOptions(for level: RecordLevel) -> QueueOptions {
    var options = QueueOptions()
    options.createsIfMissing = !noCreate
    options.baseSequence = baseSequence
    options.retention.maximalByteCount = retain?.bytes
    options.quotaByteCount = quota?.bytes
    // Nobody waits for the medium below `durable`: a sync a second is enough.
    if level != .durable { options.syncIntervalNanoseconds = 1_000_000_000 }
    return options
  }

  /// The largest record that such a store takes.
  var maximalRecordByteCount: Int {
    let options = storeOptions
    return min(options.maximalClaimByteCount, options.memoryBudgetByteCount / 2) - 64
  }
}
