import Glibc

/// Asynchronous writes and syncs of one thread, the committer. Not shared: use it on the thread that made it, but for
/// ``writesAtOnce``.
///
///     enqueueWrite / enqueueSync ──► submit() ──► kernel ──► collect(into:untilNanoseconds:)
///
/// Every enqueued operation ends in exactly one completion, in any order. Up to ``capacity`` operations are
/// in flight; enqueuing beyond that waits inside for one to end, and keeps its completion for the next
/// collect.
protocol SubmissionQueue: AnyObject {
  /// How many operations may be in flight before enqueuing waits.
  var capacity: Int { get }

  /// How many operations were enqueued and whose completions were not collected yet.
  var inFlightCount: Int { get }

  /// Whether a plain write is made, and over, when ``enqueueWrite(_:vectors:at:durably:token:)`` returns. Other threads may
  /// then make such writes and take their ends (``collectAtOnce(into:)``), one thread at a time, also while this one is in
  /// ``waitForCompletion(untilNanoseconds:)``.
  var writesAtOnce: Bool { get }

  /// Queues one gathered write of `vectors` at `offset`; `durably` makes these bytes durable before it
  /// completes.
  ///
  /// The vectors and the memory they name live until the completion. It is delivered after all bytes are
  /// written, short writes being continued inside, or with the errno that ended the write.
  func enqueueWrite(
    _ file: StorageFile,
    vectors: UnsafeBufferPointer<iovec>,
    at offset: UInt64,
    durably: Bool,
    token: UInt64
  )

  /// Queues a sync of the file's data. It covers the writes that completed before it was enqueued, no others.
  func enqueueSync(_ file: StorageFile, token: UInt64)

  /// Hands what is queued to the kernel. Returns 0, or the errno of a failure that is not transient: the
  /// queue is of no more use then.
  func submit() -> Int32

  /// Fills `completions` from its start with ended operations and returns how many there are.
  ///
  /// Waits for the first of them up to `deadline` (absolute nanoseconds of the monotonic clock; 0 does not
  /// wait, `Int64.max` has no limit) when something is in flight. Submits what was queued.
  func collect(into completions: UnsafeMutableBufferPointer<IOCompletion>, untilNanoseconds deadline: Int64)
    -> Int

  /// As ``collect(into:untilNanoseconds:)``, of what has ended already; the kernel is not asked.
  func collectAtOnce(into completions: UnsafeMutableBufferPointer<IOCompletion>) -> Int

  /// Waits for the end of something that the kernel has, until `deadline` at most. The next collect takes it.
  func waitForCompletion(untilNanoseconds deadline: Int64)

  /// Waits for everything in flight, drops the completions that were not collected, and gives back the
  /// kernel's resources. Idempotent.
  func close()
}

extension SubmissionQueue {
  var writesAtOnce: Bool { false }

  func collectAtOnce(into completions: UnsafeMutableBufferPointer<IOCompletion>) -> Int { 0 }

  func waitForCompletion(untilNanoseconds deadline: Int64) {}
}
