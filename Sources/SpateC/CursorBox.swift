import CSpateInterface
import Spate
import Synchronization

/// What a cursor's token stands for: a cursor with or without a name, and what of it is lent.
@safe
final class CursorBox: @unchecked Sendable {
  // SAFETY: the cursor is used by whoever entered, one at a time; its memory is this object's.
  let queue: QueueBox
  /// The name, if it has one.
  let name: String?
  private let plain: UnsafeMutablePointer<Cursor>?
  private let named: UnsafeMutablePointer<NamedCursor>?
  private let isEntered = Atomic<Bool>(false)
  /// Whether the record that `next` lent is still lent. Changed by who entered.
  private let isViewLent = Atomic<Bool>(false)
  private let batchCount = Atomic<Int>(0)
  private let keptViews = Mutex<[RecordViews]>([])

  init(_ cursor: consuming Cursor, of queue: QueueBox) {
    self.queue = queue
    name = nil
    let memory = UnsafeMutablePointer<Cursor>.allocate(capacity: 1)
    unsafe memory.initialize(to: cursor)
    unsafe plain = memory
    unsafe named = nil
  }

  init(_ cursor: consuming NamedCursor, of queue: QueueBox) {
    self.queue = queue
    name = cursor.name
    let memory = UnsafeMutablePointer<NamedCursor>.allocate(capacity: 1)
    unsafe memory.initialize(to: cursor)
    unsafe named = memory
    unsafe plain = nil
  }

  deinit {
    if let plain = unsafe plain {
      unsafe plain.deinitialize(count: 1)
      unsafe plain.deallocate()
    }
    if let named = unsafe named {
      unsafe named.deinitialize(count: 1)
      unsafe named.deallocate()
    }
  }

  /// Enters, for one call. Tells most callers that overlap; not a lock.
  @inline(__always)
  func enter() throws(SpateError) {
    // ORDERING: relaxed, and no exchange: it finds misuse, and costs nothing.
    guard !isEntered.load(ordering: .relaxed) else {
      throw SpateError(.busy, "another thread uses this cursor; give each thread one of its own")
    }
    isEntered.store(true, ordering: .relaxed)
  }

  /// Leaves again.
  @inline(__always)
  func leave() { isEntered.store(false, ordering: .relaxed) }

  /// Runs `body` with the cursor without a name, or the one with one.
  @inline(__always)
  func use<Value>(
    plain body: (inout Cursor) throws(SpateError) -> Value,
    named namedBody: (inout NamedCursor) throws(SpateError) -> Value
  ) throws(SpateError) -> Value {
    if let plain = unsafe plain { return try unsafe body(&plain.pointee) }
    return try unsafe namedBody(&named.unsafelyUnwrapped.pointee)
  }

  // MARK: What is lent

  /// Notes that a record is lent by `next`, or that none is.
  func setView(lent isLent: Bool) throws(SpateError) {
    guard isViewLent.load(ordering: .relaxed) != isLent else { return }
    if isLent { try queue.store.lend() } else { queue.store.takeBack() }
    isViewLent.store(isLent, ordering: .relaxed)
  }

  /// Whether batches are out.
  var hasBatches: Bool { batchCount.load(ordering: .acquiring) > 0 }

  /// Counts a batch that will be lent.
  func lendBatch() throws(SpateError) {
    try queue.store.lend()
    batchCount.wrappingAdd(1, ordering: .acquiringAndReleasing)
  }

  /// Ends what ``lendBatch()`` began.
  func takeBatchBack() {
    batchCount.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    queue.store.takeBack()
  }

  /// Memory for views, kept from batch to batch.
  func takeViews() -> RecordViews { keptViews.withLock { $0.popLast() } ?? RecordViews() }

  /// Keeps memory for the next batch.
  func keep(_ views: RecordViews) {
    guard views.count <= Self.keptViewLimit else { return }
    keptViews.withLock { if $0.count < Self.keptLimit { $0.append(views) } }
  }

  private static var keptLimit: Int { 4 }
  /// The largest batch whose memory is kept.
  private static var keptViewLimit: Int { 1 << 16 }
}

/// What a batch's token stands for.
final class BatchBox: Sendable {
  let batch: Batch
  let views: RecordViews
  private let giveBack: @Sendable () -> Void

  /// A batch and its views. `giveBack` ends its lending.
  init(_ batch: Batch, viewedBy views: RecordViews, giveBack: @escaping @Sendable () -> Void) {
    self.batch = batch
    self.views = views
    self.giveBack = giveBack
  }

  /// The views as the C interface has them: the layouts are the same.
  var records: UnsafePointer<spate_record> {
    unsafe views.start.assumingMemoryBound(to: spate_record.self)
  }

  /// Ends the batch.
  func release() {
    batch.release()
    giveBack()
  }
}
