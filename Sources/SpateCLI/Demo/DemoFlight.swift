import Spate
import Synchronization

/// What the child's threads share: the records that were appended and are not durable yet. Any thread.
final class DemoFlight: Sendable {
  /// How many records may be on their way at a time.
  private static let window: UInt64 = 1 << 17

  let queue: Queue
  private let channel: DemoChannel
  private let pending = Handover<DemoBatch>()
  private let count = Mutex<UInt64>(0)
  private let settled = Signal()
  private let failed = Mutex<(any Error)?>(nil)
  private let running = Mutex(Int(DemoPlan.producerCount))

  init(queue: Queue, channel: DemoChannel) {
    self.queue = queue
    self.channel = channel
  }

  /// What failed first.
  var failure: (any Error)? { failed.withLock { $0 } }

  /// How many producers have not ended.
  var producersLeft: Int { running.withLock { $0 } }

  /// Runs a producer to its end, and keeps why it failed.
  func run(_ producer: () throws -> Void) {
    do { try producer() } catch { fail(error) }
    running.withLock { $0 -= 1 }
  }

  /// Makes room for a batch: waits while too many records are on their way. False when something failed.
  func admit(count wanted: UInt64) -> Bool {
    while true {
      let seen = settled.count
      if failure != nil { return false }
      let isAdmitted = count.withLock { count in
        guard count + wanted <= Self.window || count == 0 else { return false }
        count += wanted
        return true
      }
      if isAdmitted { return true }
      settled.wait(from: seen)
    }
  }

  /// Notes that an admitted batch was appended; it is acknowledged once it is durable.
  func note(_ batch: DemoBatch) { pending.put(batch) }

  /// Says that no more will be appended.
  func close() { pending.close() }

  /// Tells the demo of every batch as soon as it is durable. One thread, until ``close()``.
  func acknowledge() {
    while true {
      let batches = pending.takeAll()
      guard !batches.isEmpty else { return }
      do { try acknowledge(batches) } catch { return fail(error) }
    }
  }

  private func acknowledge(_ batches: [DemoBatch]) throws {
    var messages: [DemoMessage] = []
    var durable = queue.durableSequence
    var now = MonotonicClock.now
    for var batch in batches {
      if batch.endSequence > durable {
        channel.send(messages)
        messages = []
        try queue.wait(for: batch.endSequence - 1)
        durable = queue.durableSequence
        now = MonotonicClock.now
      }
      batch.acknowledged = now
      messages.append(.acknowledged(batch))
      count.withLock { $0 -= batch.count }
      settled.signal()
    }
    channel.send(messages)
  }

  private func fail(_ error: any Error) {
    failed.withLock { $0 = $0 ?? error }
    settled.signal()
  }
}
