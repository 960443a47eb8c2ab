import Spate

/// One producer's handle of the queue, so that no reference count is shared between producers.
final class Producer: Sendable {
  private let queue: Queue
  private let level: DurabilityLevel

  init(_ log: OpenLog) {
    queue = log.queue
    level = log.level
  }

  /// Appends `count` records, each by itself, and waits once, for the last: a level reached by it was reached by those
  /// before it.
  func append(_ records: UnsafeRawPointer, size: Int, count: Int) {
    stopOnError { () throws(SpateError) in
      for index in 0..<count {
        // SAFETY: the harness keeps `count` records of `size` bytes there during the call.
        let record = unsafe UnsafeRawBufferPointer(start: records + index * size, count: size).bytes
        try queue.append(record, level: index == count - 1 ? level : .published)
      }
    }
  }
}
