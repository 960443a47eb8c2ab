import Glibc

/// A submission queue of plain system calls: each operation is performed, in order, while ``submit()`` runs.
///
/// For machines without io_uring. One thread at a time. Nothing is in flight between calls, so closing waits for
/// nothing.
final class SyscallSubmissionQueue: SubmissionQueue {
  let writesAtOnce: Bool
  private let limits: WriteLimits
  private var table: SlotTable
  /// Slots in the order in which they were enqueued; the first `queuedCount` count.
  private var queued: [Int]
  private var queuedCount = 0
  private var finished: CompletionBuffer

  /// Makes a queue for `capacity` operations.
  init(capacity: Int, limits: WriteLimits = WriteLimits(), writesAtOnce: Bool = false) {
    self.limits = limits
    self.writesAtOnce = writesAtOnce
    table = SlotTable(capacity: capacity)
    queued = Array(repeating: 0, count: table.capacity)
    finished = CompletionBuffer(capacity: 2 * table.capacity)
  }

  deinit { table.deallocate() }

  var capacity: Int { table.capacity }

  var inFlightCount: Int { queuedCount + finished.count }

  func enqueueWrite(
    _ file: StorageFile,
    vectors: UnsafeBufferPointer<iovec>,
    at offset: UInt64,
    durably: Bool,
    token: UInt64
  ) {
    let index = takeSlot()
    unsafe table[index].beginWrite(file, vectors, at: offset, durably: durably, token: token, limits: limits)
    if writesAtOnce, !durably { _ = submit() }
  }

  func enqueueSync(_ file: StorageFile, token: UInt64) {
    let index = takeSlot()
    table[index].beginSync(file, token: token)
  }

  func submit() -> Int32 {
    for position in 0..<queuedCount {
      let index = queued[position]
      let error = table.perform(index, limits)
      finished.append(IOCompletion(token: table[index].token, error: error))
      table.free(index)
    }
    queuedCount = 0
    return 0
  }

  func collect(into completions: UnsafeMutableBufferPointer<IOCompletion>, untilNanoseconds deadline: Int64)
    -> Int
  {
    if queuedCount > 0 { _ = submit() }
    return unsafe finished.move(into: completions)
  }

  func collectAtOnce(into completions: UnsafeMutableBufferPointer<IOCompletion>) -> Int {
    unsafe finished.move(into: completions)
  }

  func close() {
    _ = submit()
    finished.removeAll()
  }

  /// A slot at the end of the queue. A full queue is performed first.
  private func takeSlot() -> Int {
    while true {
      if let index = table.take() {
        queued[queuedCount] = index
        queuedCount += 1
        return index
      }
      _ = submit()
    }
  }
}
