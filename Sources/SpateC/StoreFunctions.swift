// The functions are named as spate.h declares them.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CSpateHandles
import CSpateInterface
import Spate

@c @implementation
public func spate_store_open(
  _ path: UnsafePointer<CChar>?,
  _ options: UnsafePointer<spate_store_options>?,
  _ store: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let result = try unsafe required(store, "store")
    guard spate_handles_are_forgotten() == 0 else { throw unsafe .missing(nil, .store) }
    let options = try unsafe StoreOptions(options)
    let opened = try unsafe Store.open(at: string(path, "path"), options: options)
    unsafe result.pointee = try makeHandle(.store, StoreBox(opened, options: options))
    return 0
  }
}

extension StoreOptions {
  init(_ pointer: UnsafePointer<spate_store_options>?) throws(SpateError) {
    let given = try unsafe SpateC.options(pointer)
    self.init()
    guard given.flags < 8 else {
      throw .argument("the store's flags have bits that this version does not know")
    }
    func number(_ value: UInt64) throws(SpateError) -> Int {
      guard let number = Int(exactly: value) else { throw .argument("\(value) bytes are absurd") }
      return number
    }
    createsIfMissing = given.flags & UInt64(SPATE_STORE_MUST_EXIST) == 0
    if given.flags & UInt64(SPATE_STORE_BUFFERED) != 0 { fileMode = .buffered }
    if given.flags & UInt64(SPATE_STORE_PLAIN_CALLS) != 0 { ioStrategy = .systemCalls }
    if given.memory_budget != 0 { memoryBudgetByteCount = try number(given.memory_budget) }
    if given.quota != 0 { quotaByteCount = given.quota }
    if given.minimal_segment != 0 { minimalSegmentByteCount = given.minimal_segment }
    if given.maximal_segment != 0 { maximalSegmentByteCount = given.maximal_segment }
    if given.maximal_claim != 0 { maximalClaimByteCount = try number(given.maximal_claim) }
    if given.claim_deadline_ns != 0 { claimDeadlineNanoseconds = given.claim_deadline_ns }
  }
}

@c @implementation
public func spate_store_close(_ store: OpaquePointer?, _ error: UnsafeMutablePointer<spate_error>?) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let box = try unsafe object(store, .store, as: StoreBox.self)
    try box.stopLending()
    _ = try unsafe takeHandle(store, .store, as: StoreBox.self)
    try box.store.close()
    return 0
  }
}

@c @implementation
public func spate_store_statistics_get(
  _ store: OpaquePointer?,
  _ statistics: UnsafeMutablePointer<spate_store_statistics>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let box = try unsafe object(store, .store, as: StoreBox.self)
    let now = box.store.statistics
    var values = spate_store_statistics()
    values.syncs = now.syncCount
    values.light_commits = now.lightCommitCount
    values.writes = now.writeCount
    values.written_bytes = now.writtenByteCount
    values.memory_budget_bytes = UInt64(now.memoryBudgetByteCount)
    values.memory_bytes = UInt64(now.memoryByteCount)
    values.peak_memory_bytes = UInt64(now.peakMemoryByteCount)
    values.segment_bytes = now.segmentByteCount
    values.open_queues = UInt64(now.queueCount)
    values.lent = box.lentCount
    try unsafe give(values, to: statistics)
    return 0
  }
}

@c @implementation
public func spate_store_queues(
  _ store: OpaquePointer?,
  _ each: (@convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?) -> Int32)?,
  _ context: UnsafeMutableRawPointer?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    guard let each = unsafe each else { throw .argument("each is NULL") }
    for name in try unsafe object(store, .store, as: StoreBox.self).store.queueNames {
      let answer = unsafe name.withCString { unsafe each(context, $0) }
      if answer != 0 { return answer }
    }
    return 0
  }
}

@c @implementation
public func spate_store_drop(
  _ store: OpaquePointer?,
  _ name: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let box = try unsafe object(store, .store, as: StoreBox.self)
    let name = try unsafe string(name, "name")
    let (dropped, isLent) = box.queues.withLock { ($0.all(named: name), $0.isLent(name)) }
    if isLent { throw SpateError(.busy, "claims, ranges or records of the queue are out; end them first") }
    try box.store.drop(queueNamed: name)
    box.queues.withLock { queues in dropped.forEach { queues.remove($0) } }
    return 0
  }
}

// MARK: Event loops

@c @implementation
public func spate_store_event_fd(
  _ store: OpaquePointer?,
  _ descriptor: UnsafeMutablePointer<Int32>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let box = try unsafe object(store, .store, as: StoreBox.self)
    let result = try unsafe required(descriptor, "descriptor")
    unsafe result.pointee = try box.store.commitSignal().fileDescriptor
    return 0
  }
}

@c @implementation
public func spate_store_advances(
  _ store: OpaquePointer?,
  _ advances: UnsafeMutablePointer<spate_advance>?,
  _ capacity: Int,
  _ count: UnsafeMutablePointer<Int>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let box = try unsafe object(store, .store, as: StoreBox.self)
    let array = try unsafe required(advances, "advances")
    let result = try unsafe required(count, "count")
    let signal = try box.store.commitSignal()
    var found = 0
    while found < capacity {
      let taken = signal.take(atMost: capacity - found)
      if taken.isEmpty { break }
      box.queues.withLock { queues in
        for advance in taken {
          guard let queue = queues.newest(of: advance.queue), let handle = unsafe queue.handle else {
            continue
          }
          unsafe array[found] = spate_advance(
            queue: handle,
            tag: queue.tag,
            durable_sequence: advance.durableSequence,
            status: -(advance.failure?.code.rawValue ?? 0),
            reserved: 0
          )
          found += 1
        }
      }
    }
    unsafe result.pointee = found
    return 0
  }
}
