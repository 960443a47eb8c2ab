import CSpate

/// The right to move one named cursor's place, held by the cursor and its batches together. Any thread.
final class CursorHold: Sendable {
  let core: QueueCore
  let place: NamedPlace
  /// Where the place came from.
  let resumption: CursorResumption

  /// Takes over a hold that the registry gave.
  init(core: QueueCore, place: NamedPlace, resumption: CursorResumption) {
    self.core = core
    self.place = place
    self.resumption = resumption
  }

  deinit { core.named.release(place) }

  /// Moves the place to `end`, unless it is there already. `truncations` is how many the caller had seen when
  /// it read what it acknowledges.
  ///
  /// - Complexity: O(1): an atomic maximum, and a short lock for the first move after the place was recorded.
  @inline(__always)
  func acknowledge(below end: UInt64, seen truncations: UInt64) throws(SpateError) {
    guard end <= core.watermarks.durableSequence, core.cursors.truncationCount == truncations,
      !place.isInTransaction
    else {
      return try acknowledgeSlowly(below: end, seen: truncations)
    }
    if place.raise(to: end) { try core.named.note(place) }
    // A truncation that came in between has set the place back before, or must do it again.
    guard core.cursors.truncationCount != truncations else { return }
    core.named.setBack(place, behindTruncationsSince: truncations)
  }

  @inline(never)
  private func acknowledgeSlowly(below end: UInt64, seen truncations: UInt64) throws(SpateError) {
    let count = try check(below: end, seen: truncations)
    try core.named.raise(place, to: end)
    if core.cursors.truncationCount != count { core.named.setBack(place, behindTruncationsSince: count) }
  }

  /// Throws `outOfRange` when what is acknowledged is not in the log, or not any more. Returns how many
  /// truncations there were.
  func check(below end: UInt64, seen truncations: UInt64) throws(SpateError) -> UInt64 {
    let count = core.cursors.truncationCount
    if count != truncations {
      let cut = core.cursors.lowestCut(since: truncations)?.sequence ?? 0
      guard end <= cut else {
        throw SpateError(
          .outOfRange,
          "the log was truncated at record \(cut) since these records were read; what stands there now is to be read again",
          sequence: cut
        )
      }
    }
    let next = core.ring.claimedEnd.sequence
    guard end <= next else {
      throw SpateError(
        .outOfRange,
        "record \(end &- 1) is not in the log; the last one that can be acknowledged is \(next &- 1)",
        sequence: next
      )
    }
    return count
  }

  /// Returns once the place is at `level`, as far as it has come when this is called. Blocks.
  func settle(_ level: DurabilityLevel, until deadline: Int64) throws(SpateError) {
    guard let kind = level.positionKind else { return }
    try core.named.finishTransactions(of: place, until: deadline)
    guard let end = core.named.recordByFrame(place) else { return try core.named.save() }
    guard end != 0 else { return }
    do throws(SpateError) {
      try core.watermarks.wait(kind, for: end, until: Self.patience(until: deadline))
    } catch {
      if error.code == .closed { throw error }
      // The frame cannot get to the medium now: the disk is full, or the queue failed. The slots can.
      if error.code == .timedOut, deadline >= 0, Int64(spate_now_monotonic_ns()) >= deadline { throw error }
      try core.named.save()
    }
  }

  /// Suspends until the place is at `level`. Blocks no thread of the cooperative pool.
  func settle(_ level: DurabilityLevel) async throws(SpateError) {
    guard let kind = level.positionKind else { return }
    if !place.isInTransaction, let end = core.named.recordByFrame(place),
      end == 0 || core.watermarks.isCovered(kind, end)
    {
      return
    }
    // A thread that may block waits for the commit: it can turn to the slots when there is none.
    let result: Result<Void, SpateError> = await core.support.disk.perform {
      do throws(SpateError) { return .success(try self.settle(level, until: -1)) } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// How long to wait for the log before the slots are written instead.
  private static func patience(until deadline: Int64) -> Int64 {
    let limit = Int64(spate_now_monotonic_ns()) + 500_000_000
    return deadline < 0 ? limit : min(deadline, limit)
  }
}
