import CHarness
import Glibc
import Spate

/// The store and its one queue, opened as a work asks for.
final class OpenLog: Sendable {
  let queue: Queue
  /// What an append waits for.
  let level: DurabilityLevel
  /// Whether records that are handed over together become an atomic batch.
  let isBatching: Bool
  /// What a consumer follows.
  private let followed: DurabilityLevel
  private let store: Store
  /// A consumer of `published` records looks again and again; any other sleeps until a record comes.
  private let polls: Bool

  init(_ settings: settings) {
    let work = unsafe String(cString: settings.work)
    let variant = unsafe String(cString: settings.variant)
    let isUnsynced = work == "unsynced" || work == "deliver"
    let isReused = variant == "reused"
    isBatching = variant == "batches"
    polls = variant == "published"
    followed = !isUnsynced ? .durable : polls ? .published : .written
    // A producer with a pace of its own does not wait; the consumer sees no record before the kernel has it.
    level = work == "deliver" ? .published : followed
    var options = StoreOptions()
    var queueOptions = QueueOptions()
    if isUnsynced {
      options.fileMode = .buffered
      queueOptions.syncIntervalNanoseconds = 3_600_000_000_000
    }
    if isReused { queueOptions.retention.maximalByteCount = 1 << 30 }
    let path = unsafe String(cString: settings.directory) + "/store"
    (store, queue) = stopOnError { () throws(SpateError) in
      let store = try Store.open(at: path, options: options)
      return (store, try store.queue(named: "log", options: queueOptions))
    }
    if isReused { goRound(byteCount: 3 << 29) }
  }

  /// Appends so much that every segment was used before.
  private func goRound(byteCount: Int) {
    let record = [UInt8](repeating: 0x5A, count: 1 << 16)
    stopOnError { () throws(SpateError) in
      for _ in 0..<byteCount / record.count { try queue.append(record, level: .published) }
      try queue.append(record, level: level)
    }
  }

  /// Waits until the kernel has what was only published.
  func settle() {
    guard level == .published else { return }
    stopOnError { () throws(SpateError) in
      try queue.append([0, 0, 0, 0, 0, 0, 0, 0], level: .written)
    }
  }

  /// Hands records from the beginning to the reader, until it has enough.
  func read(into reader: UnsafeMutablePointer<reader>, waits: Bool) {
    stopOnError { () throws(SpateError) in
      var cursor = try queue.cursor(from: .earliest, following: followed)
      while try unsafe takeAvailable(&cursor, reader), waits {
        if polls {
          sched_yield()
          continue
        }
        guard let record = try cursor.next(until: nil), unsafe take(record, reader) else { break }
      }
    }
  }

  /// Takes what there is; false when the reader has enough.
  private func takeAvailable(
    _ cursor: inout Cursor,
    _ reader: UnsafeMutablePointer<reader>
  ) throws(SpateError) -> Bool {
    while let record = try cursor.next() {
      guard unsafe take(record, reader) else { return false }
    }
    return true
  }

  @inline(__always)
  private func take(_ record: borrowing Record, _ reader: UnsafeMutablePointer<reader>) -> Bool {
    unsafe record.payload.withUnsafeBytes { bytes in
      // SAFETY: every record of the harness has at least eight bytes.
      unsafe reader_take(reader, bytes.baseAddress, bytes.count)
    }
  }

  /// How many records are durable, once the last of them was read.
  func countRecords() -> UInt64 {
    let count = queue.durableSequence
    guard count > 0 else { return 0 }
    stopOnError { () throws(SpateError) in
      var cursor = try queue.cursor(from: .sequence(count - 1))
      guard try cursor.next() != nil else { stop("the last record cannot be read") }
    }
    return count
  }

  func close() {
    stopOnError { () throws(SpateError) in try store.close() }
  }
}

/// Runs a body; what it throws ends the process, as a failure does in every driver.
@discardableResult
func stopOnError<Result>(_ body: () throws(SpateError) -> Result) -> Result {
  do { return try body() } catch { stop("\(error)") }
}

/// Says what went wrong and ends the process.
func stop(_ message: String) -> Never {
  // SAFETY: the message is read during the call.
  unsafe fail_with("Spate: " + message)
}
