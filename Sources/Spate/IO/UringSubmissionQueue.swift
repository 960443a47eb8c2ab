import CSpate
import Glibc

/// A submission queue over io_uring.
///
/// Belongs to the thread that made it: the kernel may refuse others. Operations stand in a fixed table of
/// slots; a slot's number travels through the kernel and is checked when it comes back, so no result of the
/// kernel can trap.
///
///     slot: free ─► queued ─► in the kernel ─► ended ─► completion, free
///                     ▲             │
///                     └── again ◄───┘        short write, EINTR, EAGAIN, the sync after a write
///
/// INVARIANT: every taken slot is queued, in the kernel, or in the `again` list; the completion ring has
/// twice as many places as there are slots, so the kernel never drops one.
///
/// SAFETY: the ring's pointer is used by this thread only, from the initializer to `close`, which forgets it.
@safe
final class UringSubmissionQueue: SubmissionQueue {
  private let limits: WriteLimits
  /// Plain writes are made by a system call then.
  let writesAtOnce: Bool
  /// The ring; nil once closed.
  private var ring: OpaquePointer?
  private var table: SlotTable
  private var finished: CompletionBuffer
  /// The list of slots to be queued again, in order.
  private var firstAgain: Int32 = -1
  private var lastAgain: Int32 = -1
  /// How many requests were put into the submission ring since it was made.
  private var queuedOrdinal: UInt64 = 0
  /// The errno after which the kernel takes nothing more (EBADF once closed), or 0.
  private var failure: Int32 = 0

  /// Which refinements the kernel took (SPATE_RING_ bits).
  let refinements: UInt32

  /// Makes a ring for `capacity` operations in flight and `entryCount` queued ones (fewer is fine), with the
  /// refinements of `allowed` that the kernel has. Throws when the kernel or a sandbox refuses io_uring.
  ///
  /// `writesAtOnce` is for files in the page cache: most file systems do not write there without a chance to block, so the kernel
  /// hands such a write to a thread of its own, and waking that takes longer than copying the bytes.
  init(
    capacity: Int,
    entryCount: Int? = nil,
    allowed: UInt32 = UInt32(SPATE_RING_ANY),
    limits: WriteLimits = WriteLimits(),
    writesAtOnce: Bool = false
  ) throws(SpateError) {
    let entries = UInt32(clamping: max(1, entryCount ?? capacity))
    var made: OpaquePointer?
    var chosen: UInt32 = 0
    let result = unsafe spate_ring_create(
      entries,
      UInt32(clamping: 2 * max(1, capacity)),
      allowed,
      &made,
      &chosen
    )
    if result < 0 { throw .system(-result, .makeRing) }
    unsafe ring = made
    refinements = chosen
    self.limits = limits
    self.writesAtOnce = writesAtOnce
    table = SlotTable(capacity: capacity)
    finished = CompletionBuffer(capacity: 2 * table.capacity)
  }

  deinit { close() }

  var capacity: Int { table.capacity }

  var inFlightCount: Int { table.usedCount + finished.count }

  func enqueueWrite(
    _ file: StorageFile,
    vectors: UnsafeBufferPointer<iovec>,
    at offset: UInt64,
    durably: Bool,
    token: UInt64
  ) {
    guard let index = takeSlot(token) else { return }
    unsafe table[index].beginWrite(file, vectors, at: offset, durably: durably, token: token, limits: limits)
    if let result = table[index].immediateResult { return end(index, result) }
    if writesAtOnce, !durably { return end(index, table.perform(index, limits)) }
    queue(index)
  }

  func enqueueSync(_ file: StorageFile, token: UInt64) {
    guard let index = takeSlot(token) else { return }
    table[index].beginSync(file, token: token)
    queue(index)
  }

  func submit() -> Int32 {
    queueAgain()
    push()
    return failure
  }

  func collect(into completions: UnsafeMutableBufferPointer<IOCompletion>, untilNanoseconds deadline: Int64)
    -> Int
  {
    while true {
      reap()
      _ = submit()
      if finished.count > 0 || table.usedCount == 0 || deadline == 0 { break }
      if !wait(until: deadline) { break }
    }
    return unsafe finished.move(into: completions)
  }

  func collectAtOnce(into completions: UnsafeMutableBufferPointer<IOCompletion>) -> Int {
    unsafe finished.move(into: completions)
  }

  func waitForCompletion(untilNanoseconds deadline: Int64) {
    // What the kernel refuses for good comes up again in the next call that may change something.
    guard unsafe ring != nil else { return }
    let left = deadline - Int64(clamping: spate_now_monotonic_ns())
    if left > 0 { _ = unsafe spate_ring_wait(ring, left) }
  }

  func close() {
    guard let ring = unsafe ring else { return }
    while table.usedCount > 0 {
      _ = submit()
      if table.usedCount > 0, !wait(until: .max) { break }
      reap()
    }
    finished.removeAll()
    unsafe self.ring = nil
    if failure == 0 { failure = EBADF }
    // Where the kernel cannot be asked any more, what is in flight may still use slots and vectors: these
    // stay.
    if table.usedCount > 0 { return }
    unsafe spate_ring_destroy(ring)
    table.deallocate()
  }

  // MARK: - Steps

  /// A free slot, waiting for one if there is none; nil, with the completion delivered, when the queue is of
  /// no more use.
  private func takeSlot(_ token: UInt64) -> Int? {
    while failure == 0 {
      if let index = table.take() { return index }
      reap()
      _ = submit()
      if table.usedCount == table.capacity, !wait(until: .max) { break }
    }
    finished.append(IOCompletion(token: token, error: failure == 0 ? EIO : failure))
    return nil
  }

  /// Ends an operation.
  private func end(_ index: Int, _ error: Int32) {
    finished.append(IOCompletion(token: table[index].token, error: error))
    table.free(index)
  }

  /// Puts a slot's next step into the submission ring, making room when that is full.
  private func queue(_ index: Int) {
    while failure == 0 {
      if prepare(index) == 0 {
        queuedOrdinal += 1
        table[index].ordinal = queuedOrdinal
        return
      }
      push()
    }
    end(index, failure)
  }

  /// Fills an entry of the submission ring: 0, or -EBUSY when it is full.
  private func prepare(_ index: Int) -> Int32 {
    let descriptor = table[index].descriptor
    if table[index].step == .sync {
      return unsafe spate_ring_queue_sync(ring, descriptor, UInt64(index))
    }
    // SAFETY: the vectors and the memory they name live until the completion, by the protocol's contract; the
    // slot's own vector lives as long as the table.
    let vectors = unsafe table.vectors(index, limits)
    return unsafe spate_ring_queue_write(
      ring,
      descriptor,
      vectors.baseAddress,
      UInt32(vectors.count),
      table[index].write.offset,
      table[index].isDurable ? 1 : 0,
      UInt64(index)
    )
  }

  /// Hands the submission ring to the kernel until it is empty, or the kernel refuses for good.
  private func push() {
    while failure == 0, unsafe spate_ring_queued(ring) > 0 {
      let result = unsafe spate_ring_submit(ring)
      if result > 0 || result == -EINTR { continue }
      if result == 0 || result == -EAGAIN || result == -EBUSY {
        // Short of memory, or of room for completions: taking some frees both.
        reap()
        sched_yield()
      } else {
        fail(-result)
      }
    }
  }

  /// Ends what the kernel has not taken, and never asks it again.
  private func fail(_ error: Int32) {
    failure = error
    let taken = queuedOrdinal - UInt64(unsafe spate_ring_queued(ring))
    while let index = popAgain() { end(index, error) }
    for index in 0..<table.capacity where table[index].step != .free && table[index].ordinal > taken {
      end(index, error)
    }
  }

  /// Takes every completion that is there.
  private func reap() {
    var number: UInt64 = 0
    var result: Int32 = 0
    while unsafe ring != nil, unsafe spate_ring_take(ring, &number, &result) == 1 {
      guard table.isUsed(number) else { continue }
      let index = Int(number)
      switch table[index].take(Int(result), limits: limits) {
      case .ended(let error): end(index, error)
      case .again: pushAgain(index)
      }
    }
  }

  /// Queues the slots that have more to ask.
  private func queueAgain() {
    while let index = popAgain() { queue(index) }
  }

  private func pushAgain(_ index: Int) {
    table[index].next = -1
    if lastAgain >= 0 {
      table[Int(lastAgain)].next = Int32(index)
    } else {
      firstAgain = Int32(index)
    }
    lastAgain = Int32(index)
  }

  private func popAgain() -> Int? {
    guard firstAgain >= 0 else { return nil }
    let index = Int(firstAgain)
    firstAgain = table[index].next
    if firstAgain < 0 { lastAgain = -1 }
    return index
  }

  /// Sleeps until a completion is there; false at the deadline, or when the kernel refuses for good.
  private func wait(until deadline: Int64) -> Bool {
    while unsafe ring != nil {
      var nanoseconds: Int64 = -1
      if deadline != .max {
        nanoseconds = deadline - Int64(clamping: spate_now_monotonic_ns())
        if nanoseconds <= 0 { return false }
      }
      switch unsafe spate_ring_wait(ring, nanoseconds) {
      case 0: return true
      case -EINTR: continue
      case -EAGAIN, -EBUSY: return true
      case -ETIME: return false
      case let result:
        if failure == 0 { fail(-result) }
        return false
      }
    }
    return false
  }
}
