import CSpate
import Glibc

// Crediting what the kernel has done, and failing what it has not.
extension Committer {
  /// Applies completions, waiting for one until `deadline` (monotonic ns; 0: not at all). Returns how many
  /// there were.
  func collect(until deadline: Int64) -> Int {
    guard let submission, submission.inFlightCount > 0 else { return 0 }
    return complete(count: unsafe submission.collect(into: completions, untilNanoseconds: deadline))
  }

  /// Applies the completions of writes that were made at once. By a thread that the ring of io_uring does not belong to.
  func collectAtOnce() {
    guard let submission else { return }
    _ = complete(count: unsafe submission.collectAtOnce(into: completions))
  }

  private func complete(count: Int) -> Int {
    for index in 0..<count {
      let completion = unsafe completions[index]
      complete(Int(completion.token), error: completion.error)
    }
    return count
  }

  private func complete(_ slot: Int, error: Int32) {
    guard let writer = slots[slot].writer else { return }
    switch slots[slot].kind {
    case .free: return
    case .sync:
      writer.syncSlot = nil
      let credit = slots[slot].mark
      let elapsed = elapsed(slot)
      release(slot)
      if error != 0 {
        failUnsynced(systemErrorNumber: error)
        return
      }
      statistics.countSync(nanoseconds: elapsed, byteCount: 0, isLight: false)
      failAfterForeignSync()
      if let credit { writer.credit(written: writer.written, durable: credit, committer: self) }
    case .write, .durableWrite:
      inFlightByteCount -= slots[slot].byteCount
      if error != 0 {
        hasRefusedWrite = true
        let failure = SpateError.system(error, .write)
        writer.writeFailed(failure)
        if slots[slot].kind == .durableWrite, writer.failure != nil { failUnsynced(failure) }
      } else {
        if slots[slot].kind == .durableWrite {
          statistics.countSync(nanoseconds: elapsed(slot), byteCount: slots[slot].byteCount, isLight: true)
        } else {
          statistics.countWrite(byteCount: slots[slot].byteCount)
        }
      }
      if slots[slot].includesTail { writer.tailIsInFlight = false }
      slots[slot].isDone = true
      finishInOrder(writer)
    }
  }

  /// How long a sync took that has just ended.
  private func elapsed(_ slot: Int) -> UInt64 {
    spate_now_monotonic_ns() &- slots[slot].submittedNanoseconds
  }

  /// Credits the writes that are done, in order of position: a write behind one that is still in flight waits
  /// for it.
  private func finishInOrder(_ writer: QueueWriter) {
    while let slot = writer.inFlight.first, slots[slot].isDone {
      writer.inFlight.removeFirst()
      let mark = slots[slot].mark
      let isDurable = slots[slot].kind == .durableWrite
      release(slot)
      guard writer.failure == nil, writer.retryNanoseconds == 0, let mark else { continue }
      writer.credit(written: mark, durable: isDurable ? mark : writer.durable, committer: self)
    }
    writer.rewindAfterFullDisk()
  }

  // MARK: Failing

  /// A lost sync: the device may have dropped the writes of every file, so all queues with uncredited writes
  /// fail for good.
  func failUnsynced(_ failure: SpateError) {
    for writer in active where writer.hasUnsynced || !writer.inFlight.isEmpty || writer.syncSlot != nil {
      writer.fail(failure)
    }
  }

  func failUnsynced(systemErrorNumber: Int32 = 0) {
    failUnsynced(
      SpateError(
        .syncFailed,
        "a sync failed, so records without an acknowledgement may be lost; check the disk, then reopen the store",
        systemErrorNumber: systemErrorNumber
      )
    )
  }

  /// A sync that somebody else asked for failed since the last look: it takes uncredited writes along like one of ours.
  func failAfterForeignSync() {
    let count = failedSyncs.count
    guard count != seenFailedSyncCount else { return }
    seenFailedSyncCount = count
    failUnsynced()
  }

  /// The kernel refuses our submissions: nothing can be written any more.
  func failAll(errno: Int32) {
    let failure = SpateError(
      .ioFailed,
      "the kernel refuses to take writes; check the limits of the process, then reopen the store",
      systemErrorNumber: errno
    )
    for writer in active { writer.fail(failure) }
  }
}
