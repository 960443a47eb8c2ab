import CSpate
import Glibc

// Handing to the kernel what was drained.
extension Committer {
  func takeSlot() -> Int? {
    if let free = freeSlots.value.popLast() { return free }
    guard slots.count < slots.capacity, let memory = try? SlotMemory(blockByteCount: storage.blockByteCount)
    else {
      return nil
    }
    slots.append(ExtentSlot(memory: memory))
    return slots.count - 1
  }

  func release(_ slot: Int) {
    slots[slot].kind = .free
    slots[slot].writer = nil
    slots[slot].copy?.free()
    slots[slot].copy = nil
    freeSlots.value.append(slot)
  }

  /// With a single queue that has little to write and nothing in flight: one write that is its own sync, on
  /// this thread.
  func commitLight() -> Bool {
    guard !isAnythingInFlight, let writer = soleLightWriter(), makeReady(writer), let slot = takeSlot() else {
      return false
    }
    defer { release(slot) }
    guard writer.fillExtent(&slots[slot], durably: true),
      let (file, offset) = writer.destination(of: slots[slot])
    else {
      return false
    }
    wakeCovered()
    let begun = spate_now_monotonic_ns()
    var count = 0
    for index in 0..<slots[slot].vectorCount {
      let vector = unsafe slots[slot].memory.vectors[index]
      if let base = unsafe vector.iov_base {
        unsafe (light.address + count).copyMemory(from: base, byteCount: vector.iov_len)
      }
      unsafe count += vector.iov_len
    }
    let padding = writer.freshPadding(behind: count, at: offset, of: slots[slot])
    if padding > 0 {
      unsafe (light.address + count).initializeMemory(as: UInt8.self, repeating: 0, count: padding)
      count += padding
    }
    do {
      try unsafe storage.writeDurably(
        file,
        UnsafeRawBufferPointer(start: light.address, count: count),
        at: offset
      )
    } catch {
      writer.writeFailed(error)
      // It was a sync, too.
      if writer.failure != nil { failUnsynced(error) }
      return true
    }
    statistics.countSync(nanoseconds: spate_now_monotonic_ns() &- begun, byteCount: count, isLight: true)
    writer.lastSyncNanoseconds = begun
    if let mark = slots[slot].mark { writer.credit(written: mark, durable: mark, committer: self) }
    return true
  }

  /// Opens a queue's files if they were closed; a failure is tried again like a full disk.
  private func makeReady(_ writer: QueueWriter) -> Bool {
    do throws(SpateError) {
      try writer.openFiles()
      return true
    } catch {
      writer.writeFailed(error)
      return false
    }
  }

  private func soleLightWriter() -> QueueWriter? {
    var sole: QueueWriter?
    for writer in active where writer.failure == nil && writer.hasUnsubmitted {
      guard sole == nil, writer.isLight(limit: Self.lightLimit), writer.retryNanoseconds == 0 else {
        return nil
      }
      sole = writer
    }
    return sole
  }

  /// Gives each queue its turn, beginning with another one each round: two that always have something to
  /// write would use up the bytes that may be in flight.
  ///
  /// - Parameter syncing: whether syncs may be queued, which are never done at once.
  func submitAll(syncing: Bool = true) -> Bool {
    guard !active.isEmpty else { return false }
    var moved = false
    let first = Int(roundCount % UInt64(active.count))
    for turn in active.indices {
      let index = first + turn < active.count ? first + turn : first + turn - active.count
      if submitWork(of: active[index], syncing: syncing) { moved = true }
    }
    return moved
  }

  /// Queues what a queue has to write and to sync. Returns whether there was anything.
  private func submitWork(of writer: QueueWriter, syncing: Bool) -> Bool {
    guard writer.failure == nil, let submission else { return false }
    if writer.retryNanoseconds != 0 {
      // INVARIANT: the refused write leaves the list, and `submitted` goes back, before anything is tried again:
      // else a slower write ahead of it would let it be credited.
      guard writer.inFlight.isEmpty, spate_now_monotonic_ns() >= writer.retryNanoseconds else { return false }
      writer.retryNanoseconds = 0
    }
    guard makeReady(writer) else { return false }
    var queued = false
    while writer.inFlight.count < QueueWriter.inFlightLimit, inFlightByteCount < Self.inFlightByteLimit,
      writer.hasUnsubmitted, let slot = takeSlot()
    {
      let durably = syncing && writer.isLight(limit: Self.lightLimit)
      let bytewise = !durably && writesAtOnce && writer.core.isWriteBehind
      guard writer.fillExtent(&slots[slot], durably: durably, bytewise: bytewise),
        let (file, offset) = writer.destination(of: slots[slot])
      else {
        release(slot)
        break
      }
      if bytewise { padFresh(&slots[slot], of: writer, at: offset) }
      slots[slot].kind = durably ? .durableWrite : .write
      slots[slot].isDone = false
      // Nobody asks how long a mere write took.
      if durably { slots[slot].submittedNanoseconds = spate_now_monotonic_ns() }
      inFlightByteCount += slots[slot].byteCount
      writer.inFlight.append(slot)
      if slots[slot].includesTail { writer.tailIsInFlight = true }
      unsafe submission.enqueueWrite(
        file,
        vectors: slots[slot].vectors,
        at: offset,
        durably: durably,
        token: UInt64(slot)
      )
      queued = true
    }
    if syncing, queueSync(of: writer, on: submission) { queued = true }
    if queued { needsSubmit = true }
    return queued
  }

  /// Lets a small write into blocks that the page cache does not have bring those behind it, too, as zeros: a folio for each
  /// write costs twice the write. Where writes are made at once, so that the next one comes after the zeros.
  private func padFresh(_ slot: inout ExtentSlot, of writer: QueueWriter, at offset: UInt64) {
    let padding = writer.freshPadding(behind: slot.byteCount, at: offset, of: slot)
    if padding > 0 { unsafe slot.add(iovec(iov_base: zeros.address, iov_len: padding)) }
  }

  /// One sync in flight a queue, credited with what was written in order when it was submitted, within one
  /// segment's file.
  private func queueSync(of writer: QueueWriter, on submission: any SubmissionQueue) -> Bool {
    guard writer.syncSlot == nil, writer.hasUnsynced, writer.isSyncWanted,
      let file = writer.segments.first?.file,
      !writer.inFlight.contains(where: { slots[$0].kind == .durableWrite }), let slot = takeSlot()
    else { return false }
    var credit = writer.written
    if writer.segments.count > 1, credit.position > writer.segments[1].segment.base.position {
      credit = writer.segments[1].segment.base
    }
    slots[slot].kind = .sync
    slots[slot].writer = writer
    slots[slot].mark = credit
    slots[slot].submittedNanoseconds = spate_now_monotonic_ns()
    writer.syncSlot = slot
    writer.lastSyncNanoseconds = slots[slot].submittedNanoseconds
    submission.enqueueSync(file, token: UInt64(slot))
    return true
  }
}
