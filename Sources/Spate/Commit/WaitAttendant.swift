/// Who brings about what somebody waits for at a queue: the committer, or the thread that waits, in its place.
struct WaitAttendant: Sendable {
  let committer: Committer
  /// Whether the queue puts syncs off until somebody waits for one.
  let syncsOnDemand: Bool
  /// Whether who waits for the page cache may write itself.
  let takesAssistants: Bool

  /// Lets the calling thread, which may be held up by the disk, work towards `target` before it waits.
  @inline(__always)
  func assist(_ watermarks: Watermarks, until target: UInt64) {
    if takesAssistants { committer.assist(watermarks, until: target) }
  }

  /// Somebody waits now: the waiter stands in its heap. Outside any lock.
  func attend(_ kind: Watermarks.Kind) { committer.attend(kind, syncsOnDemand: syncsOnDemand) }
}
