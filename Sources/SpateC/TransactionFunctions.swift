// The functions are named as spate.h declares them.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CSpateHandles
import CSpateInterface
import Spate
import Synchronization

/// What a transaction's token stands for.
final class TransactionBox: @unchecked Sendable {
  // SAFETY: the transaction is used by whoever entered, one at a time.
  let destination: QueueBox
  var transaction = Transaction()
  private let isEntered = Atomic<Bool>(false)

  init(_ destination: QueueBox) { self.destination = destination }

  /// Enters, for one call.
  func enter() throws(SpateError) {
    // ORDERING: acquire and release: what the call before did is seen.
    guard !isEntered.exchange(true, ordering: .acquiringAndReleasing) else {
      throw SpateError(.busy, "another thread uses this transaction; give each thread one of its own")
    }
  }

  /// Leaves again.
  func leave() { isEntered.store(false, ordering: .releasing) }
}

/// Runs `body` with the transaction of a token, entered.
private func using(
  _ transaction: OpaquePointer?,
  _ error: UnsafeMutablePointer<spate_error>?,
  _ body: (TransactionBox) throws(SpateError) -> Int32
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let box = try unsafe object(transaction, .transaction, as: TransactionBox.self)
    try box.enter()
    defer { box.leave() }
    return try body(box)
  }
}

@c @implementation
public func spate_transaction_begin(
  _ destination: OpaquePointer?,
  _ transaction: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let result = try unsafe required(transaction, "transaction")
    let box = try unsafe object(destination, .queue, as: QueueBox.self)
    unsafe result.pointee = try makeHandle(.transaction, TransactionBox(box))
    return 0
  }
}

@c @implementation
public func spate_transaction_append(
  _ transaction: OpaquePointer?,
  _ entry: UnsafePointer<spate_entry>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe using(transaction, error) { (box) throws(SpateError) in
    let entry = try unsafe Entry(entry)
    let limit = box.destination.store.maximalClaimByteCount
    guard box.transaction.recordByteCount + entry.byteCount <= limit else {
      throw SpateError(.tooLarge, "more bytes than the store takes at once (\(limit)); raise maximal_claim")
    }
    try unsafe box.transaction.append(
      entry.payload.bytes,
      key: entry.key.bytes,
      headers: entry.headers.bytes,
      timestamp: entry.timestamp
    )
    return 0
  }
}

@c @implementation
public func spate_transaction_acknowledge(
  _ transaction: OpaquePointer?,
  _ cursor: OpaquePointer?,
  _ sequence: UInt64,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe using(transaction, error) { (box) throws(SpateError) in
    let cursor = try unsafe object(cursor, .cursor, as: CursorBox.self)
    try cursor.enter()
    defer { cursor.leave() }
    try cursor.use(
      plain: { (_) throws(SpateError) in throw .argument("a cursor without a name keeps no place") },
      named: { (cursor) throws(SpateError) in try box.transaction.acknowledge(cursor, through: sequence) }
    )
    return 0
  }
}

@c @implementation
public func spate_transaction_set(
  _ transaction: OpaquePointer?,
  _ name: UnsafePointer<CChar>?,
  _ value: UnsafeRawPointer?,
  _ value_size: Int,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe using(transaction, error) { (box) throws(SpateError) in
    let name = try unsafe string(name, "name")
    let value = try unsafe bytes(value, value_size)
    guard value.count <= Transaction.maximalValueByteCount else {
      throw SpateError(.tooLarge, "a value has at most \(Transaction.maximalValueByteCount) bytes")
    }
    try unsafe box.transaction.setMetadata(Array(value), named: name)
    return 0
  }
}

@c @implementation
public func spate_transaction_commit(
  _ transaction: OpaquePointer?,
  _ level: Int32,
  _ timeout_ns: Int64,
  _ first: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe using(transaction, error) { (box) throws(SpateError) in
    let level = try SpateC.level(level)
    do throws(SpateError) {
      let range = try box.destination.queue.commit(box.transaction, level: level, until: deadline(timeout_ns))
      unsafe first?.pointee = range.lowerBound
    } catch let failure {
      if failure.sequence != nil { box.transaction.removeAll() }
      throw failure
    }
    box.transaction.removeAll()
    return 0
  }
}

@c @implementation
public func spate_transaction_end(
  _ transaction: OpaquePointer?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    _ = try unsafe takeHandle(transaction, .transaction, as: TransactionBox.self)
    return 0
  }
}
