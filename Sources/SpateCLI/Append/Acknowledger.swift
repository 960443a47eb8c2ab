import Glibc
import Spate
import Synchronization

/// Prints the sequences of records on standard output as soon as the records have reached their level: in
/// order, one a line, as many as there are in one write.
///
/// The store has one owner, so all records from the first one of this command on are this command's.
final class Acknowledger: Sendable {
  private let queue: Queue
  private let level: DurabilityLevel
  private let run: AppendRun
  private let failure = Mutex<(any Error)?>(nil)
  private let thread = Mutex<SendableThread?>(nil)

  private struct SendableThread: @unchecked Sendable {
    // SAFETY: joined by whoever takes it out of the mutex.
    let thread: WorkerThread
  }

  init(queue: Queue, level: DurabilityLevel, run: AppendRun) {
    self.queue = queue
    self.level = level
    self.run = run
  }

  /// Begins to print, on a thread of its own.
  func start() throws {
    let worker = SendableThread(
      thread: try WorkerThread { [self] in
        do { try level == .published ? followPublished() : followWatermark() } catch {
          failure.withLock { $0 = error }
          run.fail(error)
        }
      }
    )
    thread.withLock { $0 = worker }
  }

  /// Waits until everything that was appended is printed. The run must be finished.
  func finish() throws {
    let worker = thread.withLock { $0.take() }
    worker?.thread.join()
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  /// Prints whatever the level's watermark passes.
  private func followWatermark() throws {
    var output = OutputBuffer()
    var next = run.firstSequence
    while run.waitForAppend(of: next) {
      try queue.wait(for: next, level: level)
      let end = level == .durable ? queue.durableSequence : queue.statistics.writtenSequence
      while next < end {
        try output.append(decimal: next)
        try output.append(UInt8(ascii: "\n"))
        next += 1
      }
      try output.flush()
    }
  }

  /// Prints what a cursor sees: the published records up to the first one that is not.
  private func followPublished() throws {
    var output = OutputBuffer()
    var cursor = try queue.cursor(from: .sequence(run.firstSequence), following: .published)
    while run.waitForAppend(of: cursor.sequence) {
      // Short, since with several producers the next one may not be there yet.
      if let record = try cursor.next(until: .now + .milliseconds(20)) {
        try output.append(decimal: record.sequence)
        try output.append(UInt8(ascii: "\n"))
      }
      while let record = try cursor.next() {
        try output.append(decimal: record.sequence)
        try output.append(UInt8(ascii: "\n"))
      }
      try output.flush()
    }
  }
}
