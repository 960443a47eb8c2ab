// The functions are named as spate.h declares them.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CSpateInterface
import Spate

@c @implementation
public func spate_queue_fence(
  _ queue: OpaquePointer?,
  _ epoch: UInt64,
  _ timeout_ns: Int64,
  _ fenced: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let box = try unsafe object(queue, .queue, as: QueueBox.self)
    let result = try unsafe required(fenced, "fenced")
    let made = try box.queue.fenced(at: epoch, until: deadline(timeout_ns))
    unsafe result.pointee = try box.store.token(of: made, tag: box.tag)
    return 0
  }
}

@c @implementation
public func spate_queue_fencing_epoch(
  _ queue: OpaquePointer?,
  _ epoch: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let result = try unsafe required(epoch, "epoch")
    unsafe result.pointee = try object(queue, .queue, as: QueueBox.self).queue.fencingEpoch
    return 0
  }
}
