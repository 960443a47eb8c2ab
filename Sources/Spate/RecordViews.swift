/// Views of the records of a batch, one behind the other: an array of the C interface.
///
/// A buffer that grows; use it again after the batch was released. One owner at a time.
@safe
package final class RecordViews: @unchecked Sendable {
  /// The array, on its own where records are added one by one: what an object stores costs a check at each use.
  @safe
  struct Buffer: FrameSink {
    // SAFETY: the object's memory; `count` of `capacity` views are initialized. They are trivial, so nothing is
    // deinitialized.
    var memory: UnsafeMutablePointer<RecordView>
    var capacity: Int
    var count = 0

    @inline(__always)
    @unsafe
    mutating func add(_ frame: UnsafeRawPointer, _ sequence: UInt64) {
      if count == capacity { grow() }
      unsafe (memory + count).initialize(to: RecordView(frame: frame, sequence: sequence))
      count &+= 1
    }

    @inline(never)
    private mutating func grow() {
      let larger = UnsafeMutablePointer<RecordView>.allocate(capacity: capacity * 2)
      unsafe larger.moveInitialize(from: memory, count: count)
      unsafe memory.deallocate()
      unsafe memory = larger
      capacity *= 2
    }
  }

  private var buffer: Buffer

  /// No views.
  package init() {
    let capacity = 64
    buffer = unsafe Buffer(memory: .allocate(capacity: capacity), capacity: capacity)
  }

  deinit { unsafe buffer.memory.deallocate() }

  /// How many views there are.
  package var count: Int { buffer.count }

  /// The view at `index`.
  subscript(index: Int) -> RecordView {
    precondition(index >= 0 && index < count)
    return unsafe buffer.memory[index]
  }

  /// The first view; the others follow. Changes when views are replaced.
  @unsafe
  package var start: UnsafeRawPointer { unsafe UnsafeRawPointer(buffer.memory) }

  /// Replaces the views by what `body` adds, in the same memory.
  @inline(__always)
  func replace<Value>(_ body: (inout Buffer) -> Value) -> Value {
    var buffer = buffer
    buffer.count = 0
    defer { self.buffer = buffer }
    return body(&buffer)
  }
}

extension Cursor {
  /// Takes the next records together and replaces `views` by views of them, which are good until the batch is released.
  /// As ``nextBatch(maximalCount:byteCount:until:)``, with the deadline as monotonic ns; 0 does not wait, negative waits
  /// without limit. The batch's own accessors show no record.
  package mutating func nextBatch(
    maximalCount: Int,
    byteCount: Int,
    until limit: Int64,
    viewing views: RecordViews
  ) throws(SpateError) -> Batch? {
    try checkAllowance()
    guard limit == 0 ? try reader.advance() : try reader.advance(until: limit) else { return nil }
    let leases = views.replace { views in
      collect(maximalCount: maximalCount, byteCount: byteCount, into: &views)
    }
    allowance.take()
    return Batch(
      views: views,
      leases: leases,
      allowance: allowance,
      hold: hold,
      seenTruncations: reader.seenTruncations
    )
  }
}

extension NamedCursor {
  /// As the form of a cursor without a name.
  package mutating func nextBatch(
    maximalCount: Int,
    byteCount: Int,
    until limit: Int64,
    viewing views: RecordViews
  ) throws(SpateError) -> Batch? {
    try cursor.nextBatch(maximalCount: maximalCount, byteCount: byteCount, until: limit, viewing: views)
  }
}
