import Glibc
import Spate
import Synchronization

/// What all threads of one `append` share: the queue, how to append, and how far it got. Any thread.
final class AppendRun: Sendable {
  private struct State {
    var failure: (any Error)?
    var lastSequence: UInt64?
    var isFinished = false
  }

  let queue: Queue
  let delimiter: RecordDelimiter
  let level: RecordLevel
  /// How many records may be below the level at a time; nil for as many as memory takes.
  let window: UInt64?
  let keySeparator: [UInt8]
  let pacer: Pacer?
  /// The sequence of the first record that this command appends.
  let firstSequence: UInt64

  private let state = Mutex(State())
  private let stopping = Atomic<Bool>(false)
  private let changed = Signal()

  init(
    queue: Queue,
    delimiter: RecordDelimiter,
    level: RecordLevel,
    window: UInt64?,
    keySeparator: [UInt8],
    pacer: Pacer?
  ) {
    self.queue = queue
    self.delimiter = delimiter
    self.level = level
    self.window = window
    self.keySeparator = keySeparator
    self.pacer = pacer
    firstSequence = queue.durableSequence
  }

  /// Whether to read no more: a signal came, or something failed.
  var isStopping: Bool { stopping.load(ordering: .relaxed) || Interruption.isRequested }

  /// What failed first.
  var failure: (any Error)? { state.withLock { $0.failure } }

  /// The highest sequence that was appended.
  var lastSequence: UInt64? { state.withLock { $0.lastSequence } }

  /// Keeps the first failure, and makes everybody stop.
  func fail(_ error: any Error) {
    state.withLock { $0.failure = $0.failure ?? error }
    stopping.store(true, ordering: .relaxed)
    changed.signal()
    Interruption.endWaits()
  }

  /// Notes that records up to `sequence` were appended, among them all of one block.
  func note(appended sequence: UInt64) {
    state.withLock { $0.lastSequence = max($0.lastSequence ?? 0, sequence) }
    changed.signal()
  }

  /// Notes that nothing more will be appended.
  func finish() {
    state.withLock { $0.isFinished = true }
    changed.signal()
  }

  /// Waits until a record at or behind `sequence` was appended. False when none will be.
  func waitForAppend(of sequence: UInt64) -> Bool {
    while true {
      let seen = changed.count
      let (last, isFinished) = state.withLock { ($0.lastSequence, $0.isFinished) }
      if let last, last >= sequence { return true }
      if isFinished { return false }
      changed.wait(from: seen)
    }
  }

  /// A failure with what became of the records.
  func explained(_ error: any Error, durableSequence: UInt64) -> any Error {
    guard var failure = error as? SpateError, failure.code == .diskFull || failure.code == .syncFailed else {
      return error
    }
    let count = durableSequence - min(durableSequence, firstSequence)
    failure.message += " \(count) records of this input are durable; append the rest again"
    return failure
  }
}
