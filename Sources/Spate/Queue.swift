import CSpate
import Synchronization

/// An append-only log of records with dense sequences, in one store.
///
/// A handle: cheap to copy around, safe to share between threads. All handles of one queue are the same
/// queue; they differ in the fencing epoch that their appends carry.
public final class Queue: Sendable {
  let core: QueueCore
  let ring: Ring
  let clock: StoreClock

  /// The fencing epoch that appends through this handle carry: the one that was in force when it was taken, or that it
  /// was taken for by ``fenced(at:until:)``.
  public let fence: UInt64

  /// A handle that appends with a fencing epoch; nil for the one in force.
  init(core: QueueCore, fence: UInt64? = nil) {
    self.core = core
    ring = core.ring
    clock = core.clock
    self.fence = fence ?? core.ring.fencingEpoch
  }

  /// Whether this and another handle are of the same queue: not of one that was dropped, and its successor.
  package func isSame(as other: Queue) -> Bool { core === other.core }

  /// The queue's name.
  public var name: String { core.name }

  /// What recovery found when the queue was opened.
  public var recoveryReport: RecoveryReport { core.report }

  /// What the queue has done since it was opened. Any thread; cheap.
  public var statistics: QueueStatistics { core.statistics }

  /// The sequence after the last durable record.
  public var durableSequence: UInt64 { core.watermarks.durableSequence }

  /// The epoch of the records that are appended now: one more than that of the last recovery or truncation.
  ///
  /// Epoch and sequence together name a record for good; a sequence alone may be given out again after a
  /// power cut took a record that was not durable.
  public var epoch: UInt64 { ring.state.withLock { $0.epoch } }

  /// Gives up whole segments that hold no record at or behind `sequence`. Blocks on the disk; any thread.
  ///
  /// Cursors that stand before what is left get `outOfRange`. The disk space is back when this returns, but
  /// for one file that is kept for the next segment.
  public func trim(before sequence: UInt64) throws(SpateError) {
    try core.engine.trim(core, before: sequence)
  }

  /// Waits until the record with `sequence` is at `level`. Blocks; any thread. In asynchronous code use the
  /// asynchronous form.
  ///
  /// - Parameter deadline: nil for no limit.
  /// - Throws: `timedOut` at the deadline, with the sequence; `syncFailed` or what else failed the queue;
  ///   `closed`.
  @available(*, noasync)
  public func wait(
    for sequence: UInt64,
    level: DurabilityLevel = .durable,
    until deadline: ContinuousClock.Instant? = nil
  ) throws(SpateError) {
    guard let kind = level.sequenceKind else { return }
    do throws(SpateError) {
      try core.watermarks.wait(kind, for: sequence &+ 1, until: Deadline.monotonicNanoseconds(deadline))
    } catch {
      throw error.inDoubt(sequence)
    }
  }

  /// Suspends until the record with `sequence` is at `level`. Blocks no thread. Cancelling the task ends the
  /// wait with `cancelled`.
  public func wait(for sequence: UInt64, level: DurabilityLevel = .durable) async throws(SpateError) {
    guard let kind = level.sequenceKind else { return }
    do throws(SpateError) {
      try await core.watermarks.wait(kind, for: sequence &+ 1)
    } catch {
      throw error.inDoubt(sequence)
    }
  }
}

extension DurabilityLevel {
  /// The watermark that reaches this level, by sequence; nil when nothing needs to be waited for.
  var sequenceKind: Watermarks.Kind? {
    switch self {
    case .published: nil
    case .written: .writtenSequence
    case .durable: .durableSequence
    }
  }

  /// The watermark that reaches this level, by position.
  var positionKind: Watermarks.Kind? {
    switch self {
    case .published: nil
    case .written: .writtenPosition
    case .durable: .durablePosition
    }
  }
}

extension SpateError {
  /// The same failure, naming the record that may or may not be in the log.
  func inDoubt(_ sequence: UInt64) -> SpateError {
    var error = self
    error.sequence = sequence
    return error
  }
}

/// Deadlines for the kernel.
enum Deadline {
  /// A moment as CLOCK_MONOTONIC nanoseconds; negative for none.
  static func monotonicNanoseconds(_ instant: ContinuousClock.Instant?) -> Int64 {
    guard let instant else { return -1 }
    let left = instant - ContinuousClock.now
    let (seconds, attoseconds) = left.components
    let nanoseconds = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !nanoseconds.overflow else { return seconds < 0 ? 0 : -1 }
    return max(0, Int64(spate_now_monotonic_ns()) &+ nanoseconds.partialValue &+ attoseconds / 1_000_000_000)
  }
}
