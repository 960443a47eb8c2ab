// The functions are named as spate.h declares them.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CSpateHandles
import CSpateInterface
import Spate

@c @implementation
public func spate_append(
  _ queue: OpaquePointer?,
  _ payload: UnsafeRawPointer?,
  _ payload_size: Int,
  _ sequence: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  // The hot path: no object is retained, and nothing allocated.
  guard let fast = unsafe spate_handle_fast(UnsafeRawPointer(queue), HandleKind.queue.rawValue) else {
    return unsafe report(.missing(queue, .queue), to: error)
  }
  // SAFETY: the token's box keeps the queue, and no call overlaps with the token's close.
  return unsafe Unmanaged<Queue>.fromOpaque(fast)._withUnsafeGuaranteedRef { queue in
    unsafe reporting(to: error) { () throws(SpateError) in
      let outcome = try unsafe queue.tryAppend(bytes(payload, payload_size).bytes)
      return try unsafe give(outcome, to: sequence)
    }
  }
}

/// Writes the sequence of a record that was appended.
///
/// - Throws: what C callers get instead of the other outcomes.
@inline(__always)
func give(_ outcome: AppendOutcome, to sequence: UnsafeMutablePointer<UInt64>?) throws(SpateError) -> Int32 {
  switch outcome {
  case .appended(let appended):
    unsafe sequence?.pointee = appended
    return 0
  default: throw SpateError.refused(outcome)
  }
}

extension SpateError {
  /// Back-pressure and a full disk: outcomes in Swift, codes in C.
  @inline(never)
  static func refused(_ outcome: AppendOutcome) -> SpateError {
    outcome == .full
      ? SpateError(.diskFull, "the disk or a quota is full; nothing was appended: trim, or make room")
      : SpateError(
        .backPressured,
        "no room in the memory budget; nothing was appended: try later, or raise it"
      )
  }
}

/// A record that a caller wants to append, looked at.
@safe
struct Entry {
  // SAFETY: the caller keeps the bytes until the call returns.
  let payload: UnsafeRawBufferPointer
  let key: UnsafeRawBufferPointer
  let headers: UnsafeRawBufferPointer
  let timestamp: UInt64?
  /// Payload, key and headers together.
  var byteCount: Int { unsafe payload.count + key.count + headers.count }

  init(_ pointer: UnsafePointer<spate_entry>?) throws(SpateError) {
    guard let pointer = unsafe pointer else { throw .argument("entry is NULL") }
    let entry = unsafe pointer.pointee
    unsafe payload = try bytes(entry.payload, entry.payload_size)
    unsafe key = try bytes(entry.key, entry.key_size)
    unsafe headers = try bytes(entry.headers, entry.headers_size)
    timestamp = unsafe entry.timestamp == 0 ? nil : entry.timestamp
  }
}

@c @implementation
public func spate_append_entry(
  _ queue: OpaquePointer?,
  _ entry: UnsafePointer<spate_entry>?,
  _ sequence: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let queue = try unsafe object(queue, .queue, as: QueueBox.self).queue
    return try unsafe give(queue.tryAppend(Entry(entry)), to: sequence)
  }
}

extension Queue {
  /// Appends without waiting.
  func tryAppend(_ entry: Entry) throws(SpateError) -> AppendOutcome {
    try unsafe tryAppend(
      entry.payload.bytes,
      key: entry.key.bytes,
      headers: entry.headers.bytes,
      timestamp: entry.timestamp
    )
  }
}

@c @implementation
public func spate_append_wait(
  _ queue: OpaquePointer?,
  _ entry: UnsafePointer<spate_entry>?,
  _ level: Int32,
  _ timeout_ns: Int64,
  _ sequence: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let queue = try unsafe object(queue, .queue, as: QueueBox.self).queue
    let entry = try unsafe Entry(entry)
    let appended = try unsafe queue.append(
      entry.payload.bytes,
      key: entry.key.bytes,
      headers: entry.headers.bytes,
      timestamp: entry.timestamp,
      level: SpateC.level(level),
      until: deadline(timeout_ns)
    )
    unsafe sequence?.pointee = appended
    return 0
  }
}

@c @implementation
public func spate_append_at(
  _ queue: OpaquePointer?,
  _ sequence: UInt64,
  _ entry: UnsafePointer<spate_entry>?,
  _ level: Int32,
  _ timeout_ns: Int64,
  _ next: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let queue = try unsafe object(queue, .queue, as: QueueBox.self).queue
    let entry = try unsafe Entry(entry)
    let outcome = try unsafe queue.append(
      entry.payload.bytes,
      at: sequence,
      key: entry.key.bytes,
      headers: entry.headers.bytes,
      timestamp: entry.timestamp,
      level: SpateC.level(level),
      until: deadline(timeout_ns)
    )
    switch outcome {
    case .appended:
      unsafe next?.pointee = sequence &+ 1
      return 0
    case .already(let place):
      unsafe next?.pointee = place
      return Int32(SPATE_ALREADY)
    case .gap(let place):
      unsafe next?.pointee = place
      return Int32(SPATE_GAP)
    case .backPressured: throw .refused(.backPressured)
    case .full: throw .refused(.full)
    }
  }
}
