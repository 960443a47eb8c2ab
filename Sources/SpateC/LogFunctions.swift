// The functions are named as spate.h declares them.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CSpateInterface
import Spate

@c @implementation
public func spate_trim_before(
  _ queue: OpaquePointer?,
  _ sequence: UInt64,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    try unsafe object(queue, .queue, as: QueueBox.self).queue.trim(before: sequence)
    return 0
  }
}

@c @implementation
public func spate_truncate_tail(
  _ queue: OpaquePointer?,
  _ sequence: UInt64,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    try unsafe object(queue, .queue, as: QueueBox.self).queue.truncate(from: sequence)
    return 0
  }
}

/// What the token of pinned ranges stands for.
@safe
final class RangesBox: @unchecked Sendable {
  // SAFETY: the array is written once, before it is lent.
  let ranges: SegmentRanges
  let array: UnsafeMutablePointer<spate_range>
  let queue: QueueBox

  init(_ ranges: SegmentRanges, of queue: QueueBox) {
    self.ranges = ranges
    self.queue = queue
    unsafe array = .allocate(capacity: max(1, ranges.ranges.count))
    for (index, range) in ranges.ranges.enumerated() {
      unsafe (array + index).initialize(
        to: spate_range(
          descriptor: range.fileDescriptor,
          reserved: 0,
          offset: range.offset,
          size: range.byteCount,
          position: range.position,
          salt: range.salt,
          first_sequence: range.sequences.lowerBound,
          end_sequence: range.sequences.upperBound
        )
      )
    }
  }

  deinit { unsafe array.deallocate() }
}

@c @implementation
public func spate_queue_ranges(
  _ queue: OpaquePointer?,
  _ first: UInt64,
  _ end: UInt64,
  _ maximal_count: Int,
  _ ranges: UnsafeMutablePointer<OpaquePointer?>?,
  _ array: UnsafeMutablePointer<UnsafePointer<spate_range>?>?,
  _ count: UnsafeMutablePointer<Int>?,
  _ next: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let place = try unsafe required(ranges, "ranges")
    unsafe place.pointee = nil
    let view = try unsafe required(array, "array")
    let total = try unsafe required(count, "count")
    let box = try unsafe object(queue, .queue, as: QueueBox.self)
    guard maximal_count > 0 else { throw .argument("maximal_count is 0; ask for at least one range") }
    try box.lend()
    do throws(SpateError) {
      let pinned = try box.queue.segmentRanges(
        from: first,
        upTo: end == .max ? nil : end,
        maximalCount: min(maximal_count, 1 << 20)
      )
      let made = RangesBox(pinned, of: box)
      unsafe place.pointee = try makeHandle(.ranges, made)
      unsafe view.pointee = UnsafePointer(made.array)
      unsafe total.pointee = pinned.ranges.count
      unsafe next?.pointee = pinned.endSequence
      return 0
    } catch let failure {
      box.takeBack()
      throw failure
    }
  }
}

@c @implementation
public func spate_ranges_release(
  _ ranges: OpaquePointer?,
  _ error: UnsafeMutablePointer<spate_error>?
) -> Int32 {
  unsafe reporting(to: error) { () throws(SpateError) in
    let box = try unsafe takeHandle(ranges, .ranges, as: RangesBox.self)
    box.ranges.release()
    box.queue.takeBack()
    return 0
  }
}
