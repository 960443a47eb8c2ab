import Glibc

/// One operation in flight of a submission queue.
///
/// SAFETY: holds the borrowed vectors of a ``GatheredWrite``, which live until the operation ends.
@safe
struct IOSlot {
  /// What is to be asked of the kernel next.
  enum Step {
    case free
    /// Writes; then completes.
    case write
    /// Writes; then syncs, because durable writes are not to be had here.
    case writeThenSync
    /// Syncs; then completes.
    case sync
  }

  /// What the operation waits for.
  var step = Step.free
  /// Whether the write carries `RWF_DSYNC`.
  var isDurable = false
  /// How often it was tried again since it last got on.
  var retries = 0
  /// The descriptor.
  var descriptor: Int32 = -1
  /// The submitter's name for it.
  var token: UInt64 = 0
  /// The progress of a write.
  var write = unsafe GatheredWrite(UnsafeBufferPointer(start: nil, count: 0), at: 0)
  /// The ordinal of the last request that was queued for it (io_uring only).
  var ordinal: UInt64 = 0
  /// The next slot of the list that this one is in (free, or to be asked again), or -1.
  var next: Int32 = -1
}

extension IOSlot {
  /// What follows when the kernel answered.
  enum Outcome: Equatable {
    /// The operation ended with 0 or an errno.
    case ended(Int32)
    /// There is more to ask: the rest of a write, its sync, or the same again.
    case again
  }

  /// Turns the slot into a write.
  mutating func beginWrite(
    _ file: StorageFile,
    _ vectors: UnsafeBufferPointer<iovec>,
    at offset: UInt64,
    durably: Bool,
    token: UInt64,
    limits: WriteLimits
  ) {
    step = durably && !limits.hasDurableWrites ? .writeThenSync : .write
    isDurable = durably && limits.hasDurableWrites
    retries = 0
    descriptor = file.descriptor
    self.token = token
    write = unsafe GatheredWrite(vectors, at: offset)
  }

  /// Turns the slot into a sync.
  mutating func beginSync(_ file: StorageFile, token: UInt64) {
    step = .sync
    isDurable = false
    retries = 0
    descriptor = file.descriptor
    self.token = token
  }

  /// How the operation ends without asking the kernel, if it does.
  var immediateResult: Int32? {
    if step == .sync { return nil }
    // A write of nothing is written.
    if write.isComplete { return 0 }
    // The kernel takes the offset as signed, and -1 for the file's own position: bytes would go to a wrong
    // place.
    return write.offset > UInt64(Int64.max) ? EFBIG : nil
  }

  /// Takes the kernel's result (a byte count, or a negative errno) of the last step.
  mutating func take(_ result: Int, limits: WriteLimits) -> Outcome {
    guard result >= 0 else {
      let error = Int32(truncatingIfNeeded: -result)
      switch error {
      case EINTR:
        return .again
      case EAGAIN where retries < limits.retryCount:
        retries += 1
        return .again
      case EOPNOTSUPP where isDurable:
        // This file system takes no RWF_DSYNC: write all of it plainly, then sync.
        isDurable = false
        step = .writeThenSync
        return .again
      default:
        return .ended(error)
      }
    }
    retries = 0
    if step == .sync { return .ended(0) }
    // A call that writes nothing and says no reason would be repeated for ever.
    if result == 0 { return .ended(EIO) }
    write.advance(by: result)
    if !write.isComplete { return .again }
    if step == .write { return .ended(0) }
    step = .sync
    return .again
  }
}
