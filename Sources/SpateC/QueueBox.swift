import CSpateInterface
import Spate
import Synchronization

/// What a queue's token stands for.
@safe
final class QueueBox: @unchecked Sendable {
  // SAFETY: `tag` is the caller's, and only passed on; `handle` and `openCount` are guarded by the store's lock of its
  // queues; the rest guards itself.
  let queue: Queue
  let store: StoreBox
  var handle: OpaquePointer?
  var tag: UnsafeMutableRawPointer?
  /// How often it was opened and not closed.
  var openCount = 1
  /// Claims, ranges and single records of this queue that are out.
  private let lent = Atomic<Int>(0)
  private let builders = Mutex<[BatchBuilder]>([])

  init(_ queue: Queue, of store: StoreBox, tag: UnsafeMutableRawPointer?) {
    self.queue = queue
    self.store = store
    unsafe self.tag = tag
    unsafe handle = nil
  }

  /// Whether something of the queue itself is out.
  var isLent: Bool { lent.load(ordering: .acquiring) != 0 }

  /// Counts something that will be lent, for the store, too.
  func lend() throws(SpateError) {
    try store.lend()
    lent.wrappingAdd(1, ordering: .acquiringAndReleasing)
  }

  /// Ends what ``lend()`` began.
  func takeBack() {
    lent.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    store.takeBack()
  }

  /// Runs `body` with an empty batch whose memory is kept for the next one.
  func withBuilder<Value>(_ body: (BatchBuilder) throws(SpateError) -> Value) throws(SpateError) -> Value {
    let builder = builders.withLock { $0.popLast() } ?? BatchBuilder()
    defer {
      let isKept = builder.batch.byteCount <= Self.keptByteCount
      builder.batch.removeAll()
      if isKept { builders.withLock { if $0.count < Self.builderLimit { $0.append(builder) } } }
    }
    return try body(builder)
  }

  private static var builderLimit: Int { 8 }
  /// The largest batch whose memory is kept.
  private static var keptByteCount: Int { 4 << 20 }
}

/// A batch that is being built. One owner at a time.
final class BatchBuilder: @unchecked Sendable {
  // SAFETY: taken out of the queue's list by one thread, and put back by it.
  var batch = RecordBatch()
}
