import Glibc

/// How far one gathered write got: what to ask of the kernel next, after none, some or all of its bytes were
/// written.
///
///     vectors   | 0 ........ | 1 ........ | 2 ........ | 3 ........ |
///     written   ##################
///     next                        ======                              the rest of vector 1, from `remainder`
///     then                               ==========================   vectors 2 and 3, from the caller's array
///
/// The caller's array is never copied or changed. A write that stopped inside a vector goes on with the rest
/// of that vector alone, described by one vector that the owner keeps at a stable address.
///
/// INVARIANT: `index` and `consumed` name the first byte that was not written; `consumed` is less than the
/// length of vector `index`, unless all is written. Empty vectors are passed over.
///
/// SAFETY: borrows the caller's vectors, which live until the completion (``SubmissionQueue``); only reads
/// their lengths and addresses, never the memory they name.
@safe
struct GatheredWrite {
  private var vectors: UnsafeBufferPointer<iovec>
  private var index = 0
  private var consumed = 0

  /// Where in the file the next byte goes.
  private(set) var offset: UInt64

  /// Begins with nothing written.
  init(_ vectors: UnsafeBufferPointer<iovec>, at offset: UInt64) {
    unsafe self.vectors = unsafe vectors
    self.offset = offset
    advance(by: 0)
  }

  /// Whether every byte is written.
  var isComplete: Bool { unsafe index == vectors.count }

  /// What to write next: at most `vectorLimit` vectors and `byteLimit` bytes, both more than 0. The result
  /// points into the caller's array or to `remainder`. Not to be asked once complete.
  func next(
    remainder: UnsafeMutablePointer<iovec>,
    vectorLimit: Int,
    byteLimit: Int
  ) -> UnsafeBufferPointer<iovec> {
    // SAFETY: `index` is in bounds because the write is not complete.
    let current = unsafe vectors[index]
    let rest = unsafe current.iov_len - consumed
    if consumed > 0 || rest > byteLimit {
      unsafe remainder.pointee = iovec(iov_base: current.iov_base + consumed, iov_len: min(rest, byteLimit))
      return unsafe UnsafeBufferPointer(start: remainder, count: 1)
    }
    var end = index + 1
    var byteCount = rest
    while unsafe end < vectors.count, end - index < vectorLimit {
      byteCount = unsafe byteCount.addingReportingOverflow(vectors[end].iov_len).partialValue
      if byteCount < 0 || byteCount > byteLimit { break }
      end += 1
    }
    return unsafe UnsafeBufferPointer(rebasing: vectors[index..<end])
  }

  /// Counts `byteCount` more bytes as written. More than were asked for count as all of them.
  mutating func advance(by byteCount: Int) {
    offset &+= UInt64(truncatingIfNeeded: byteCount)
    var left = byteCount
    while unsafe index < vectors.count {
      // SAFETY: checked against the count in the loop's condition.
      let rest = unsafe vectors[index].iov_len - consumed
      if left < rest {
        consumed += left
        return
      }
      left -= rest
      consumed = 0
      index += 1
    }
  }
}
