import Glibc
import Spate
import Synchronization

/// What the demo knows: everything that the child told it, and what it did to the child. Any thread.
final class DemoJournal: Sendable {
  /// How the child was killed and came back.
  struct Restart: Sendable {
    /// Moments, in nanoseconds from the start.
    var killed: UInt64
    var acknowledgedAgain: UInt64?
    /// How long opening the store took.
    var recoveryNanoseconds: UInt64?
    var processes: [Int32]
  }

  /// A copy of what is known.
  struct State {
    var ledger: DemoLedger
    var statistics = DemoStatistics()
    var calm = LatencyCounts()
    /// Of records that were due in the spike, but for those of `restart`.
    var spike = LatencyCounts()
    /// Of records that were appended late because the child had been killed.
    var restart = LatencyCounts()
    /// Of what was acknowledged since the last sample.
    var recent = LatencyCounts()
    var acknowledgedCount: UInt64 = 0
    var peakMemoryByteCount: UInt64 = 0
    var openedCount = 0
    var restarted: Restart?
  }

  let plan: DemoPlan
  private let state: Mutex<State>
  private let beginning = Atomic<UInt64>(0)
  private let changed = Signal()

  init(plan: DemoPlan) {
    self.plan = plan
    state = Mutex(State(ledger: DemoLedger(numberLimit: plan.recordCount + 1)))
  }

  /// When the plan began: monotonic ns.
  var start: UInt64 {
    get { beginning.load(ordering: .relaxed) }
    set { beginning.store(newValue, ordering: .relaxed) }
  }

  /// Lets `body` look at what is known, or change it.
  func withState<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
    try state.withLock { state in try body(&state) }
  }

  /// Takes a child's messages until it is gone. True when all of them could be understood.
  func receive(from descriptor: Int32) -> Bool {
    var words = [UInt64](repeating: 0, count: 8192)
    var filled = 0
    while true {
      let count = unsafe words.withUnsafeMutableBytes { bytes in
        unsafe Glibc.read(descriptor, bytes.baseAddress.map { unsafe $0 + filled }, bytes.count - filled)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return filled == 0 }
      filled += count
      let whole = filled / DemoMessage.byteCount
      let perMessage = DemoMessage.byteCount / MemoryLayout<UInt64>.size
      for index in 0..<whole {
        guard let message = DemoMessage(words: Array(words[index * perMessage..<(index + 1) * perMessage]))
        else {
          return false
        }
        take(message)
      }
      filled -= whole * DemoMessage.byteCount
      // What is left is the beginning of the next message.
      let left = (filled + MemoryLayout<UInt64>.size - 1) / MemoryLayout<UInt64>.size
      for word in 0..<left { words[word] = words[whole * perMessage + word] }
    }
  }

  private func take(_ message: DemoMessage) {
    state.withLock { state in
      switch message {
      case .opened(let nanoseconds, _):
        state.openedCount += 1
        state.restarted?.recoveryNanoseconds = nanoseconds
      case .statistics(let statistics):
        state.statistics = statistics
        state.peakMemoryByteCount = max(state.peakMemoryByteCount, statistics.peakMemoryByteCount)
      case .acknowledged(let batch): take(batch, &state)
      }
    }
    if case .opened = message { changed.signal() }
  }

  private func take(_ batch: DemoBatch, _ state: inout State) {
    state.ledger.note(batch)
    state.acknowledgedCount += batch.count
    let latency = batch.latencyNanoseconds
    state.recent.add(latency, count: batch.count)
    if batch.isCatchingUp {
      state.restart.add(latency, count: batch.count)
    } else if plan.phase(at: batch.due - min(batch.due, start)) == .spike {
      state.spike.add(latency, count: batch.count)
    } else {
      state.calm.add(latency, count: batch.count)
    }
    if state.openedCount > 1, state.restarted?.acknowledgedAgain == nil {
      state.restarted?.acknowledgedAgain = batch.acknowledged - min(batch.acknowledged, start)
    }
  }

  /// Notes that a child is gone.
  func noteEnd() { changed.signal() }

  /// Waits until a child has opened the store, or `isOver` says that none will.
  func waitUntilOpened(unless isOver: () -> Bool) -> Bool {
    while true {
      let seen = changed.count
      if withState({ $0.openedCount > 0 }) { return true }
      if isOver() { return false }
      changed.wait(from: seen)
    }
  }
}
