import Spate
import Synchronization

/// A reader of the demo's queue, in the demo's own process: it outlives the process that owns the store. One thread
/// runs it; any thread may ask how far it is.
final class DemoConsumer: Sendable {
  /// How it reads.
  enum Pace: CaseIterable {
    /// Everything as soon as it is durable.
    case fast
    /// At most so many records a second: fewer than the spike brings.
    case slow
    /// Goes away before the spike, forgets its cursor, and comes back behind it to the place that it remembered.
    case away

    /// What people call it.
    var name: String {
      switch self {
      case .fast: "fast"
      case .slow: "slow"
      case .away: "away and back"
      }
    }
  }

  let pace: Pace
  private let queue: ReadOnlyQueue
  private let plan: DemoPlan
  private let start: UInt64
  private let position = Atomic<UInt64>(0)
  private let skipped = Atomic<UInt64>(0)
  private let absent = Atomic<Bool>(false)
  private let stopping = Atomic<Bool>(false)
  private let failed = Mutex<(any Error)?>(nil)

  init(pace: Pace, queue: ReadOnlyQueue, plan: DemoPlan, start: UInt64) {
    self.pace = pace
    self.queue = queue
    self.plan = plan
    self.start = start
  }

  /// The sequence that it reads next; it has read everything before.
  var sequence: UInt64 { position.load(ordering: .relaxed) }
  /// How many records are durable and not read yet.
  var lag: UInt64 {
    let sequence = sequence
    return max(queue.durableSequence, sequence) - sequence
  }
  /// How many sequences it was not given, or was given twice.
  var skippedCount: UInt64 { skipped.load(ordering: .relaxed) }
  /// Whether it is away.
  var isAway: Bool { absent.load(ordering: .relaxed) }
  /// Why it reads no more.
  var failure: (any Error)? { failed.withLock { $0 } }

  /// Makes ``run()`` return soon.
  func stop() { stopping.store(true, ordering: .relaxed) }

  /// Reads until it is stopped.
  func run() {
    do {
      while !stopping.load(ordering: .relaxed) {
        absent.store(shouldBeAway, ordering: .relaxed)
        if isAway { MonotonicClock.sleep(until: MonotonicClock.now + 20_000_000) } else { try read() }
      }
    } catch {
      failed.withLock { $0 = error }
    }
  }

  private var shouldBeAway: Bool {
    let now = MonotonicClock.now
    return pace == .away && now >= start && plan.absence.contains(now - start)
  }

  /// Opens a cursor where it stopped, and reads until it is stopped or goes away.
  private func read() throws {
    var cursor = try queue.cursor(from: .sequence(sequence))
    var turn = MonotonicClock.now
    while !stopping.load(ordering: .relaxed), !shouldBeAway {
      guard let batch = try cursor.nextBatch(until: .now + .milliseconds(50)) else { continue }
      var next = sequence
      batch.forEach { record in
        if record.sequence != next { skipped.wrappingAdd(1, ordering: .relaxed) }
        next = record.sequence + 1
      }
      batch.release()
      position.store(next, ordering: .relaxed)
      guard pace == .slow else { continue }
      // Time in which there was nothing to read is not made up for.
      turn = max(turn, MonotonicClock.now - 10_000_000) + UInt64(Double(batch.count) / plan.slowRate * 1e9)
      MonotonicClock.sleep(until: turn)
    }
  }
}
