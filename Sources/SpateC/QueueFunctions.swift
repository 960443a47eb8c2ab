// The functions are named as spate.h declares them.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CSpateHandles
import CSpateInterface
import Spate

@c @implementation
public func spate_queue_open(
  _ store: OpaquePointer?,
  _ name: UnsafePointer<CChar>?,
  _ options: UnsafePointer<spate_queue_options>?,
  _ queue: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let box = try unsafe object(store, .store, as: StoreBox.self)
    let name = try unsafe string(name, "name")
    let result = try unsafe required(queue, "queue")
    let given = try unsafe SpateC.options(options)
    // Outside the lock: recovery takes its time. The engine gives the same queue to all who ask.
    let opened = try unsafe box.store.queue(named: name, options: QueueOptions(given))
    unsafe result.pointee = try box.token(of: opened, tag: given.tag)
    return 0
  }
}

extension StoreBox {
  /// The token of a queue's handle for its epoch, which wants one close more.
  func token(of queue: Queue, tag: UnsafeMutableRawPointer?) throws(SpateError) -> OpaquePointer? {
    let tag = unsafe Tag(pointer: tag)
    let handle: Result<HandleOfQueue, SpateError> = queues.withLock { queues in
      do throws(SpateError) {
        let box = try unsafe queues.open(queue, of: self, tag: tag.pointer)
        return .success(unsafe HandleOfQueue(token: box.handle))
      } catch {
        return .failure(error)
      }
    }
    return unsafe try handle.get().token
  }
}

/// A caller's tag on its way into a lock.
@safe
private struct Tag: @unchecked Sendable {
  // SAFETY: only passed on.
  let pointer: UnsafeMutableRawPointer?
}

/// A token on its way out of a lock.
@safe
private struct HandleOfQueue: @unchecked Sendable {
  // SAFETY: a number, not an address.
  let token: OpaquePointer?
}

extension QueueOptions {
  init(_ given: spate_queue_options) throws(SpateError) {
    self.init()
    guard unsafe given.flags < 4 else {
      throw .argument("the queue's flags have bits that this version does not know")
    }
    createsIfMissing = unsafe given.flags & UInt64(SPATE_QUEUE_MUST_EXIST) == 0
    baseSequence = unsafe given.base_sequence
    if unsafe given.quota != 0 { quotaByteCount = unsafe given.quota }
    if unsafe given.sync_interval_ns != 0 { syncIntervalNanoseconds = unsafe given.sync_interval_ns }
    retention.minimalByteCount = unsafe given.minimal_bytes
    retention.minimalAgeNanoseconds = unsafe given.minimal_age_ns
    if unsafe given.maximal_bytes != 0 { retention.maximalByteCount = unsafe given.maximal_bytes }
    if unsafe given.maximal_age_ns != 0 { retention.maximalAgeNanoseconds = unsafe given.maximal_age_ns }
    retention.evictsUnacknowledged =
      unsafe given.flags & UInt64(SPATE_QUEUE_EVICT_UNACKNOWLEDGED) != 0
  }
}

@c @implementation
public func spate_queue_close(_ queue: OpaquePointer?, _ error: UnsafeMutablePointer<spate_error>?) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let box = try unsafe object(queue, .queue, as: QueueBox.self)
    enum Step { case others, busy, last }
    let step: Step = box.store.queues.withLock { queues in
      if box.openCount > 1 {
        box.openCount -= 1
        return .others
      }
      if box.isLent { return .busy }
      queues.remove(box)
      return .last
    }
    switch step {
    case .others: break
    case .busy: throw SpateError(.busy, "claims, ranges or records of the queue are out; end them first")
    case .last: _ = try unsafe takeHandle(queue, .queue, as: QueueBox.self)
    }
    return 0
  }
}

@c @implementation
public func spate_queue_statistics_get(
  _ queue: OpaquePointer?,
  _ statistics: UnsafeMutablePointer<spate_queue_statistics>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let queue = try unsafe object(queue, .queue, as: QueueBox.self).queue
    let now = queue.statistics
    var values = spate_queue_statistics()
    values.first_sequence = now.firstSequence
    values.written_sequence = now.writtenSequence
    values.durable_sequence = now.durableSequence
    values.durable_position = now.durablePosition
    values.epoch = queue.epoch
    values.appended = now.appendedCount
    values.commits = now.commitCount
    values.largest_commit = now.largestCommitCount
    values.back_pressured = now.backPressureCount
    values.back_pressure_ns = now.backPressureNanoseconds
    values.dropped = now.droppedCount
    values.expired_claims = now.expiredClaimCount
    values.evicted = now.evictedCount
    values.ring_bytes = UInt64(now.ringByteCount)
    values.segment_bytes = now.segmentByteCount
    values.cursors = UInt64(now.cursorCount)
    values.named_cursors = UInt64(now.namedCursorCount)
    values.largest_lag = now.largestCursorLag
    try unsafe give(values, to: statistics)
    return 0
  }
}

@c @implementation
public func spate_queue_durable(
  _ queue: OpaquePointer?,
  _ sequence: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let result = try unsafe required(sequence, "sequence")
    unsafe result.pointee = try object(queue, .queue, as: QueueBox.self).queue.durableSequence
    return 0
  }
}

@c @implementation
public func spate_wait(
  _ queue: OpaquePointer?,
  _ sequence: UInt64,
  _ level: Int32,
  _ timeout_ns: Int64,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let queue = try unsafe object(queue, .queue, as: QueueBox.self).queue
    guard sequence < .max else { throw SpateError(.outOfRange, "there is no record \(sequence)") }
    try queue.wait(for: sequence, level: SpateC.level(level), until: deadline(timeout_ns))
    return 0
  }
}

@c @implementation
public func spate_queue_cursors(
  _ queue: OpaquePointer?,
  _ each: (@convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, UInt64) -> Int32)?,
  _ context: UnsafeMutableRawPointer?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    guard let each = unsafe each else { throw .argument("each is NULL") }
    for cursor in try unsafe object(queue, .queue, as: QueueBox.self).queue.namedCursors {
      let answer = unsafe cursor.name.withCString { unsafe each(context, $0, cursor.acknowledgedSequence) }
      if answer != 0 { return answer }
    }
    return 0
  }
}

@c @implementation
public func spate_queue_remove_cursor(
  _ queue: OpaquePointer?,
  _ name: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let queue = try unsafe object(queue, .queue, as: QueueBox.self).queue
    try queue.removeCursor(named: unsafe string(name, "name"))
    return 0
  }
}

@c @implementation
public func spate_queue_metadata(
  _ queue: OpaquePointer?,
  _ name: UnsafePointer<CChar>?,
  _ value: UnsafeMutableRawPointer?,
  _ capacity: Int,
  _ size: UnsafeMutablePointer<Int>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let queue = try unsafe object(queue, .queue, as: QueueBox.self).queue
    let name = try unsafe string(name, "name")
    guard let bytes = queue.metadata(named: name) else {
      throw SpateError(.notFound, "the queue's metadata has no value \"\(name)\"")
    }
    unsafe size?.pointee = bytes.count
    guard capacity >= bytes.count else {
      throw SpateError(.tooLarge, "the value has \(bytes.count) bytes; give room for them")
    }
    guard let value = unsafe value else { throw .argument("value is NULL; give a place for the result") }
    unsafe UnsafeMutableRawBufferPointer(start: value, count: bytes.count).copyBytes(from: bytes)
    return 0
  }
}
