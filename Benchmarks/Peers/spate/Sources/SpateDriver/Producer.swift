import Spate

/// One producer's handle of the queue, so that producers share no reference count. Belongs to one thread.
final class Producer {
  private let queue: Queue
  private let level: DurabilityLevel
  private let isBatching: Bool
  private var batch = RecordBatch()

  init(_ log: OpenLog) {
    queue = log.queue
    level = log.level
    isBatching = log.isBatching
  }

  /// Appends `count` records of `size` bytes and returns when all are at the level.
  func append(_ records: UnsafeRawPointer, size: Int, count: Int) {
    stopOnError { () throws(SpateError) in
      if isBatching && count > 1 {
        try unsafe appendTogether(records, size: size, count: count)
      } else {
        try unsafe appendSingly(records, size: size, count: count)
      }
    }
  }

  /// Each by itself, with one wait, for the last: a level reached by it was reached by those before it.
  private func appendSingly(_ records: UnsafeRawPointer, size: Int, count: Int) throws(SpateError) {
    for index in 0..<count {
      // SAFETY: the harness keeps `count` records of `size` bytes there during the call.
      let record = unsafe UnsafeRawBufferPointer(start: records + index * size, count: size).bytes
      try queue.append(record, level: index == count - 1 ? level : .published)
    }
  }

  /// As an atomic batch.
  private func appendTogether(_ records: UnsafeRawPointer, size: Int, count: Int) throws(SpateError) {
    batch.removeAll()
    for index in 0..<count {
      // SAFETY: as above.
      let record = unsafe UnsafeRawBufferPointer(start: records + index * size, count: size).bytes
      try batch.append(record)
    }
    try queue.append(batch, level: level)
  }
}
