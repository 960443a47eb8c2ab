import Synchronization

/// The cursor behind an asynchronous sequence, and how tasks wait for it. Any task may ask.
final class BatchSource: Sendable {
  private let cursor: Mutex<Cursor>
  private let log: CursorLog
  private let level: DurabilityLevel
  private let allowance: BatchAllowance
  private let support: CursorSupport
  private let maximalCount: Int
  private let byteCount: Int

  init(_ cursor: consuming Cursor, log: CursorLog, level: DurabilityLevel, maximalCount: Int, byteCount: Int)
  {
    allowance = cursor.allowance
    self.cursor = Mutex(cursor)
    self.log = log
    self.level = level
    support = log.support
    self.maximalCount = maximalCount
    self.byteCount = byteCount
  }

  /// The next batch; nil when the task was cancelled.
  func next(isolation actor: isolated (any Actor)?) async throws(SpateError) -> Batch? {
    while !Task.isCancelled {
      let release = allowance.released.current
      guard allowance.hasRoom else {
        await allowance.released.wait(from: release)
        continue
      }
      switch try await attempt(isolation: actor) {
      case .batch(let batch): return batch
      case .needsDisk, nil: continue
      case .nothing:
        if let batch = try await waitForMore(isolation: actor) { return batch }
      }
    }
    return nil
  }

  /// Looks once more, and sleeps until more may be seen than before, or until the task is cancelled.
  private func waitForMore(isolation actor: isolated (any Actor)?) async throws(SpateError) -> Batch? {
    // The order matters: what comes after the count was read, and after the follower parked, ends the sleep.
    let event = level == .published ? log.published : log.watermarks.advanced
    let seen = event.current
    if level == .published { log.parkFollower() }
    switch try await attempt(isolation: actor) {
    case .batch(let batch): return batch
    case .needsDisk, nil: return nil
    case .nothing: break
    }
    if let failure = log.watermarks.failure { throw failure }
    await event.wait(from: seen)
    return nil
  }

  /// Takes a batch: here if memory suffices, on the reader's thread if the disk must be read. Nil when
  /// another task was faster in using up the allowance.
  private func attempt(isolation actor: isolated (any Actor)?) async throws(SpateError) -> Cursor.Step? {
    // Another task that reads the disk for this cursor holds the lock meanwhile: then we wait on that thread,
    // not here.
    let here = try cursor.withLockIfAvailable { (cursor) throws(SpateError) in
      try step(&cursor, mayBlock: false)
    }
    if let here {
      guard case .some(.needsDisk) = here else { return here }
    }
    let result: Result<Cursor.Step?, SpateError> = await support.disk.perform {
      do throws(SpateError) {
        return .success(
          try self.cursor.withLock { (cursor) throws(SpateError) in try self.step(&cursor, mayBlock: true) }
        )
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func step(_ cursor: inout Cursor, mayBlock: Bool) throws(SpateError) -> Cursor.Step? {
    guard allowance.hasRoom else { return nil }
    return try cursor.step(maximalCount: maximalCount, byteCount: byteCount, mayBlock: mayBlock)
  }
}
