// The functions are named as spate.h declares them.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CSpateInterface
import Glibc
import Spate

@c @implementation
public func spate_append_batch(
  _ queue: OpaquePointer?,
  _ payloads: UnsafePointer<iovec>?,
  _ count: Int,
  _ level: Int32,
  _ timeout_ns: Int64,
  _ first: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe appendBatch(queue, payloads, count, level, timeout_ns, first, error) {
    (batch, limit, payloads, count) throws(SpateError) in
    for index in 0..<count {
      let payload = unsafe payloads[index]
      let bytes = try unsafe SpateC.bytes(payload.iov_base, payload.iov_len)
      try batch.checkRoom(for: bytes.count, limit)
      try unsafe batch.append(bytes.bytes)
    }
  }
}

@c @implementation
public func spate_append_entries(
  _ queue: OpaquePointer?,
  _ entries: UnsafePointer<spate_entry>?,
  _ count: Int,
  _ level: Int32,
  _ timeout_ns: Int64,
  _ first: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe appendBatch(queue, entries, count, level, timeout_ns, first, error) {
    (batch, limit, entries, count) throws(SpateError) in
    for index in 0..<count { try unsafe batch.append(Entry(entries + index), limit) }
  }
}

@c @implementation
public func spate_append_packed(
  _ queue: OpaquePointer?,
  _ bytes: UnsafeRawPointer?,
  _ bytes_size: Int,
  _ sizes: UnsafePointer<UInt64>?,
  _ count: Int,
  _ level: Int32,
  _ timeout_ns: Int64,
  _ first: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe appendBatch(queue, sizes, count, level, timeout_ns, first, error) {
    (batch, limit, sizes, count) throws(SpateError) in
    let all = try unsafe SpateC.bytes(bytes, bytes_size)
    try batch.checkRoom(for: all.count, limit)
    var offset = 0
    for index in 0..<count {
      let size = unsafe sizes[index]
      guard size <= UInt64(all.count - offset) else {
        throw .argument("the sizes add up to more than the \(all.count) bytes that were passed")
      }
      let part = unsafe UnsafeRawBufferPointer(rebasing: all[offset..<offset + Int(size)])
      try unsafe batch.append(part.bytes)
      offset += Int(size)
    }
    guard offset == all.count else {
      throw .argument("the sizes add up to \(offset), and \(all.count) bytes were passed")
    }
  }
}

extension RecordBatch {
  /// Forbids a batch of more bytes than the store takes at once, before memory is taken for them.
  @inline(__always)
  func checkRoom(for size: Int, _ limit: Int) throws(SpateError) {
    guard byteCount + size <= limit else {
      throw SpateError(.tooLarge, "more bytes than the store takes at once (\(limit)); raise maximal_claim")
    }
  }

  /// Copies a record to the end of the batch.
  mutating func append(_ entry: Entry, _ limit: Int) throws(SpateError) {
    try checkRoom(for: entry.byteCount, limit)
    try unsafe append(
      entry.payload.bytes,
      key: entry.key.bytes,
      headers: entry.headers.bytes,
      timestamp: entry.timestamp
    )
  }
}

/// Builds a batch of `count` elements and appends it.
@inline(__always)
private func appendBatch<Element>(
  _ queue: OpaquePointer?,
  _ elements: UnsafePointer<Element>?,
  _ count: Int,
  _ level: Int32,
  _ timeout: Int64,
  _ first: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<spate_error>?,
  _ build: (inout RecordBatch, _ limit: Int, UnsafePointer<Element>, Int) throws(SpateError) -> Void
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let box = try unsafe object(queue, .queue, as: QueueBox.self)
    let level = try SpateC.level(level)
    guard count > 0, count <= RecordBatch.maximalCount, let elements = unsafe elements else {
      throw .argument("a batch has 1 to \(RecordBatch.maximalCount) records, and an array of them")
    }
    return try box.withBuilder { (builder) throws(SpateError) in
      try unsafe build(&builder.batch, box.store.maximalClaimByteCount, elements, count)
      if level == .published, timeout == 0 {
        return try unsafe give(box.queue.tryAppend(builder.batch), to: first)
      }
      let range = try box.queue.append(builder.batch, level: level, until: deadline(timeout))
      unsafe first?.pointee = range.lowerBound
      return 0
    }
  }
}
