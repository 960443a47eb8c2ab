import Synchronization

/// One queue's place in a ``SharedPage``: written by the owner's committer, read by other processes.
///
/// Several words that belong together are published under a count that is odd while they change. Each word is
/// stored with release and loaded with acquire, so who sees a new word also sees the odd count before it.
@safe
struct SharedSlot: @unchecked Sendable {
  /// What the owner says of a queue.
  struct State: Equatable {
    /// Everything before this mark is durable.
    var durable = LogMark(position: 0, sequence: 0)
    /// The number of the segment that holds what is durable last.
    var segmentNumber: UInt64 = 0
    /// How often the end of the log was cut off since the owner opened the queue, where the last time, and where at the
    /// lowest.
    var cutCount: UInt64 = 0
    var cut = LogMark(position: 0, sequence: 0)
    var lowestCut = LogMark(position: 0, sequence: 0)
  }

  /// Two cache lines.
  struct Words: ~Copyable {
    let version: Atomic<UInt64>
    let high: Atomic<UInt64>
    let low: Atomic<UInt64>
    let position: Atomic<UInt64>
    let sequence: Atomic<UInt64>
    let segmentNumber: Atomic<UInt64>
    let cutCount: Atomic<UInt64>
    let cutPosition: Atomic<UInt64>
    let cutSequence: Atomic<UInt64>
    let lowestCutPosition: Atomic<UInt64>
    let lowestCutSequence: Atomic<UInt64>
    private let padding0: (UInt64, UInt64, UInt64, UInt64, UInt64)
  }

  // SAFETY: `page` keeps the mapping that holds the words.
  private let page: SharedPage
  private let words: UnsafeMutablePointer<Words>

  /// SAFETY: `words` lie in the mapping of `page`.
  @unsafe
  init(page: SharedPage, words: UnsafeMutablePointer<Words>) {
    self.page = page
    unsafe self.words = words
  }

  /// The queue.
  var identifier: QueueIdentifier {
    unsafe QueueIdentifier(
      high: words.pointee.high.load(ordering: .acquiring),
      low: words.pointee.low.load(ordering: .acquiring)
    )
  }

  /// Names the queue, before the slot is counted.
  func identify(_ identifier: QueueIdentifier) {
    unsafe words.pointee.low.store(identifier.low, ordering: .releasing)
    unsafe words.pointee.high.store(identifier.high, ordering: .releasing)
  }

  /// Publishes how far the queue is durable. One thread at a time.
  func publish(durable: LogMark, segmentNumber: UInt64) {
    change {
      unsafe words.pointee.position.store(durable.position, ordering: .releasing)
      unsafe words.pointee.sequence.store(durable.sequence, ordering: .releasing)
      unsafe words.pointee.segmentNumber.store(segmentNumber, ordering: .releasing)
    }
  }

  /// Publishes that the log was cut off at `cut`. One thread at a time.
  func publish(cut: LogMark) {
    change {
      unsafe words.pointee.position.store(cut.position, ordering: .releasing)
      unsafe words.pointee.sequence.store(cut.sequence, ordering: .releasing)
      unsafe words.pointee.cutPosition.store(cut.position, ordering: .releasing)
      unsafe words.pointee.cutSequence.store(cut.sequence, ordering: .releasing)
      if unsafe words.pointee.cutCount.load(ordering: .relaxed) == 0
        || cut.sequence <= words.pointee.lowestCutSequence.load(ordering: .relaxed)
      {
        unsafe words.pointee.lowestCutPosition.store(cut.position, ordering: .releasing)
        unsafe words.pointee.lowestCutSequence.store(cut.sequence, ordering: .releasing)
      }
      unsafe words.pointee.cutCount.wrappingAdd(1, ordering: .releasing)
    }
  }

  private func change(_ body: () -> Void) {
    let version = unsafe words.pointee.version.load(ordering: .relaxed)
    unsafe words.pointee.version.store(version &+ 1, ordering: .relaxed)
    body()
    unsafe words.pointee.version.store(version &+ 2, ordering: .releasing)
  }

  /// What the owner said last; nil when it was about to say something else each time it was looked at, as an
  /// owner that was killed in between does for good.
  var state: State? {
    for _ in 0..<1000 {
      let before = unsafe words.pointee.version.load(ordering: .acquiring)
      let state = unsafe State(
        durable: LogMark(
          position: words.pointee.position.load(ordering: .acquiring),
          sequence: words.pointee.sequence.load(ordering: .acquiring)
        ),
        segmentNumber: words.pointee.segmentNumber.load(ordering: .acquiring),
        cutCount: words.pointee.cutCount.load(ordering: .acquiring),
        cut: LogMark(
          position: words.pointee.cutPosition.load(ordering: .acquiring),
          sequence: words.pointee.cutSequence.load(ordering: .acquiring)
        ),
        lowestCut: LogMark(
          position: words.pointee.lowestCutPosition.load(ordering: .acquiring),
          sequence: words.pointee.lowestCutSequence.load(ordering: .acquiring)
        )
      )
      let after = unsafe words.pointee.version.load(ordering: .acquiring)
      if before == after, before & 1 == 0 { return state }
    }
    return nil
  }
}
