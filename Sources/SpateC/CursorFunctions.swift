// The functions are named as spate.h declares them.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CSpateHandles
import CSpateInterface
import Glibc
import Spate

@c @implementation
public func spate_cursor_open(
  _ queue: OpaquePointer?,
  _ options: UnsafePointer<spate_cursor_options>?,
  _ cursor: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let box = try unsafe object(queue, .queue, as: QueueBox.self)
    let result = try unsafe required(cursor, "cursor")
    let given = try unsafe SpateC.options(options)
    guard unsafe given.flags < 2 else {
      throw .argument("the cursor's flags have bits that this version does not know")
    }
    guard unsafe given.batch_limit <= 1 << 20 else { throw .argument("so many batches at a time are absurd") }
    let start = try unsafe startPosition(given.start, given.start_value)
    let level = try unsafe SpateC.level(given.level)
    let limit = unsafe given.batch_limit == 0 ? 4 : Int(given.batch_limit)
    let made: CursorBox
    if let name = unsafe given.name {
      var options = NamedCursorOptions()
      options.level = level
      options.batchLimit = limit
      options.createsIfMissing = unsafe given.flags & UInt64(SPATE_CURSOR_MUST_EXIST) == 0
      made = CursorBox(
        try box.queue.cursor(named: unsafe string(name, "name"), from: start, options: options),
        of: box
      )
    } else {
      made = CursorBox(try box.queue.cursor(from: start, following: level, batchLimit: limit), of: box)
    }
    unsafe result.pointee = try makeHandle(.cursor, made)
    return 0
  }
}

@c @implementation
public func spate_cursor_close(_ cursor: OpaquePointer?, _ error: UnsafeMutablePointer<spate_error>?) -> Int32
{
  let code = unsafe using(cursor, error) { (box) throws(SpateError) in
    guard !box.hasBatches else {
      throw SpateError(.busy, "batches of the cursor are out; release them first")
    }
    try box.setView(lent: false)
    return 0
  }
  guard code == 0 else { return code }
  return unsafe reporting(to: error) { () throws(SpateError) in
    _ = try unsafe takeHandle(cursor, .cursor, as: CursorBox.self)
    return 0
  }
}

/// Runs `body` with the cursor of a token, entered.
@inline(__always)
private func using(
  _ cursor: OpaquePointer?,
  _ error: UnsafeMutablePointer<spate_error>?,
  _ body: (CursorBox) throws(SpateError) -> Int32
) -> Int32 {
  guard let found = unsafe spate_handle_object(UnsafeRawPointer(cursor), HandleKind.cursor.rawValue) else {
    return unsafe report(.missing(cursor, .cursor), to: error)
  }
  // SAFETY: no call overlaps with the token's close, so the object stays.
  return unsafe Unmanaged<CursorBox>.fromOpaque(found)._withUnsafeGuaranteedRef { box in
    unsafe reporting(to: error) { () throws(SpateError) in
      try box.enter()
      defer { box.leave() }
      return try body(box)
    }
  }
}

/// A timeout as the engine's cursors take it: monotonic ns, 0 for no waiting, negative for no limit.
@inline(__always)
private func limit(_ timeout: Int64) -> Int64 {
  guard timeout > 0 else { return timeout }
  var now = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &now)
  let sum = (Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)).addingReportingOverflow(timeout)
  return sum.overflow ? -1 : sum.partialValue
}

@c @implementation
public func spate_cursor_next(
  _ cursor: OpaquePointer?,
  _ timeout_ns: Int64,
  _ record: UnsafeMutablePointer<spate_record>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe using(cursor, error) { (box) throws(SpateError) in
    let place = try unsafe required(record, "record")
    // The layouts are the same.
    let view = unsafe UnsafeMutableRawPointer(place).assumingMemoryBound(to: RecordView.self)
    // Noted before the record is there: a store that closes meanwhile lends nothing more.
    try box.setView(lent: true)
    if try unsafe box.moveOn(until: 0, writingTo: view) { return 0 }
    try box.setView(lent: false)
    if timeout_ns == 0 { return Int32(SPATE_END) }
    // Nothing is lent during a wait, so that the store can be closed, which ends it.
    guard try unsafe box.moveOn(until: limit(timeout_ns), writingTo: view) else { return Int32(SPATE_END) }
    try box.setView(lent: true)
    return 0
  }
}

extension CursorBox {
  /// Moves to the next record and writes its view. False, with nothing lent, when there is none.
  @inline(__always)
  @unsafe
  fileprivate func moveOn(until limit: Int64, writingTo view: UnsafeMutablePointer<RecordView>)
    throws(SpateError) -> Bool
  {
    do throws(SpateError) {
      return try use(
        plain: { (cursor) throws(SpateError) in try unsafe cursor.next(until: limit, writingTo: view) },
        named: { (cursor) throws(SpateError) in try unsafe cursor.next(until: limit, writingTo: view) }
      )
    } catch let failure {
      try setView(lent: false)
      throw failure
    }
  }
}

@c @implementation
public func spate_cursor_release(
  _ cursor: OpaquePointer?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe using(cursor, error) { (box) throws(SpateError) in
    try box.setView(lent: false)
    return 0
  }
}

@c @implementation
public func spate_cursor_acknowledge(
  _ cursor: OpaquePointer?,
  _ sequence: UInt64,
  _ level: Int32,
  _ timeout_ns: Int64,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe using(cursor, error) { (box) throws(SpateError) in
    let level = try SpateC.level(level)
    return try box.use(
      plain: { (_) throws(SpateError) in throw .argument("a cursor without a name keeps no place") },
      named: { (cursor) throws(SpateError) in
        if level == .published {
          try cursor.acknowledge(through: sequence)
        } else {
          try cursor.acknowledge(through: sequence, waitingFor: level, until: deadline(timeout_ns))
        }
        return 0
      }
    )
  }
}

@c @implementation
public func spate_cursor_seek(
  _ cursor: OpaquePointer?,
  _ start: Int32,
  _ value: UInt64,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe using(cursor, error) { (box) throws(SpateError) in
    let start = try startPosition(start, value)
    try box.use(
      plain: { (cursor) throws(SpateError) in try cursor.seek(to: start) },
      named: { (cursor) throws(SpateError) in try cursor.seek(to: start) }
    )
    try box.setView(lent: false)
    return 0
  }
}

@c @implementation
public func spate_cursor_reset(
  _ cursor: OpaquePointer?,
  _ start: Int32,
  _ value: UInt64,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe using(cursor, error) { (box) throws(SpateError) in
    let start = try startPosition(start, value)
    try box.use(
      plain: { (_) throws(SpateError) in throw .argument("a cursor without a name keeps no place; seek") },
      named: { (cursor) throws(SpateError) in try cursor.reset(to: start) }
    )
    try box.setView(lent: false)
    return 0
  }
}

@c @implementation
public func spate_cursor_state_get(
  _ cursor: OpaquePointer?,
  _ state: UnsafeMutablePointer<spate_cursor_state>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe using(cursor, error) { (box) throws(SpateError) in
    var values = spate_cursor_state()
    try box.use(
      plain: { (cursor) throws(SpateError) in
        values.sequence = cursor.sequence
        values.unread = cursor.lag
      },
      named: { (cursor) throws(SpateError) in
        values.sequence = cursor.sequence
        values.unread = cursor.unreadCount
        values.acknowledged_sequence = cursor.acknowledgedSequence
        values.evicted_begin = cursor.evicted?.lowerBound ?? 0
        values.evicted_end = cursor.evicted?.upperBound ?? 0
      }
    )
    if let name = box.name {
      let lag = try box.queue.queue.lag(ofCursorNamed: name)
      values.lag_records = lag.recordCount
      values.lag_bytes = lag.byteCount
      values.lag_ns = lag.ageNanoseconds
    }
    try unsafe give(values, to: state)
    return 0
  }
}

// MARK: Batches

@c @implementation
public func spate_cursor_next_batch(
  _ cursor: OpaquePointer?,
  _ maximal_count: Int,
  _ maximal_bytes: Int,
  _ timeout_ns: Int64,
  _ batch: UnsafeMutablePointer<OpaquePointer?>?,
  _ records: UnsafeMutablePointer<UnsafePointer<spate_record>?>?,
  _ count: UnsafeMutablePointer<Int>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe using(cursor, error) { (box) throws(SpateError) in
    let place = try unsafe required(batch, "batch")
    unsafe place.pointee = nil
    let array = try unsafe required(records, "records")
    try box.setView(lent: false)
    let views = box.takeViews()
    guard let taken = try box.lendNext(maximal_count, maximal_bytes, timeout_ns, viewing: views) else {
      box.keep(views)
      return Int32(SPATE_END)
    }
    let made = BatchBox(taken, viewedBy: views) {
      box.keep(views)
      box.takeBatchBack()
    }
    do throws(SpateError) {
      unsafe place.pointee = try makeHandle(.batch, made)
    } catch let failure {
      made.release()
      throw failure
    }
    unsafe array.pointee = made.records
    unsafe count?.pointee = taken.count
    return 0
  }
}

extension CursorBox {
  /// Takes the next batch and counts it as lent. Nil, with nothing lent, when there is none. Limits and timeout as a
  /// caller gave them.
  fileprivate func lendNext(
    _ count: Int,
    _ byteCount: Int,
    _ timeout: Int64,
    viewing views: RecordViews
  ) throws(SpateError) -> Batch? {
    let count = count == 0 ? 1024 : count < 0 ? 1 << 20 : min(count, 1 << 20)
    let byteCount = byteCount == 0 ? 256 << 10 : byteCount < 0 ? 1 << 40 : min(byteCount, 1 << 40)
    // Counted before it is there: a store that closes meanwhile lends nothing more.
    try lendBatch()
    do throws(SpateError) {
      if let batch = try take(count, byteCount, until: 0, views) { return batch }
    } catch let failure {
      takeBatchBack()
      throw failure
    }
    takeBatchBack()
    // Nothing is lent during a wait, so that the store can be closed, which ends it.
    guard timeout != 0, let batch = try take(count, byteCount, until: limit(timeout), views) else {
      return nil
    }
    do throws(SpateError) {
      try lendBatch()
    } catch let failure {
      batch.release()
      throw failure
    }
    return batch
  }

  private func take(_ count: Int, _ byteCount: Int, until limit: Int64, _ views: RecordViews)
    throws(SpateError) -> Batch?
  {
    try use(
      plain: { (cursor) throws(SpateError) in
        try cursor.nextBatch(maximalCount: count, byteCount: byteCount, until: limit, viewing: views)
      },
      named: { (cursor) throws(SpateError) in
        try cursor.nextBatch(maximalCount: count, byteCount: byteCount, until: limit, viewing: views)
      }
    )
  }
}

@c @implementation
public func spate_batch_release(_ batch: OpaquePointer?, _ error: UnsafeMutablePointer<spate_error>?) -> Int32
{
  unsafe reporting(to: error) { () throws(SpateError) in
    try unsafe takeHandle(batch, .batch, as: BatchBox.self).release()
    return 0
  }
}

@c @implementation
public func spate_batch_acknowledge(
  _ batch: OpaquePointer?,
  _ level: Int32,
  _ timeout_ns: Int64,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let batch = try unsafe object(batch, .batch, as: BatchBox.self).batch
    let level = try SpateC.level(level)
    if level == .published {
      try batch.acknowledge()
    } else {
      try batch.acknowledge(waitingFor: level, until: deadline(timeout_ns))
    }
    return 0
  }
}

@c @implementation
public func spate_queue_read(
  _ queue: OpaquePointer?,
  _ sequence: UInt64,
  _ batch: UnsafeMutablePointer<OpaquePointer?>?,
  _ record: UnsafeMutablePointer<UnsafePointer<spate_record>?>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let place = try unsafe required(batch, "batch")
    unsafe place.pointee = nil
    let view = try unsafe required(record, "record")
    let box = try unsafe object(queue, .queue, as: QueueBox.self)
    try box.lend()
    do throws(SpateError) {
      let made = try box.record(sequence)
      unsafe place.pointee = try makeHandle(.batch, made)
      unsafe view.pointee = made.records
      return 0
    } catch let failure {
      box.takeBack()
      throw failure
    }
  }
}

extension QueueBox {
  /// The record with a sequence, lent.
  fileprivate func record(_ sequence: UInt64) throws(SpateError) -> BatchBox {
    let durable = queue.durableSequence
    guard sequence < durable else {
      throw SpateError(
        .outOfRange,
        "record \(sequence) is not durable; the end of what is durable is \(durable)",
        sequence: durable
      )
    }
    var cursor = try queue.cursor(from: .sequence(sequence))
    let views = RecordViews()
    guard let found = try cursor.nextBatch(maximalCount: 1, byteCount: 1, until: 0, viewing: views),
      found.firstSequence == sequence
    else {
      throw SpateError(
        .notFound,
        "there is no record \(sequence): its claim was abandoned",
        sequence: sequence
      )
    }
    return BatchBox(found, viewedBy: views) { self.takeBack() }
  }
}
