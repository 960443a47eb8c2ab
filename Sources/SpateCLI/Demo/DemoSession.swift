import Glibc
import Spate

/// One run of the demo: starts and kills the child, runs the consumers, watches, and checks the log. One thread.
struct DemoSession {
  private static let queueName = "transactions"

  let plan: DemoPlan
  private let directory: String
  private let input: String?
  private let records: DemoRecords
  private let journal: DemoJournal

  /// A run in a directory that is there for it alone.
  init(plan: DemoPlan, directory: String, input: String?, records: DemoRecords) {
    self.plan = plan
    self.directory = directory
    self.input = input
    self.records = records
    journal = DemoJournal(plan: plan)
  }

  private var storePath: String { directory + "/store" }

  /// Runs everything to its end.
  func run(showing: Bool) throws -> (DemoSummary, [DemoSample]) {
    let child = try OwnChild(arguments: arguments(next: journal.withState { $0.ledger.nextNumbers }))
    let listener = try DemoListener(child: child, journal: journal)
    guard journal.waitUntilOpened(unless: { listener.isOver }) else { throw failure(of: child) }
    let store = try ReadOnlyStore.open(at: storePath)
    defer { store.close() }
    let queue = try store.queue(named: Self.queueName)
    journal.start = MonotonicClock.now + 50_000_000
    let consumers = DemoConsumer.Pace.allCases.map {
      DemoConsumer(pace: $0, queue: queue, plan: plan, start: journal.start)
    }
    let threads = try consumers.map { consumer in try WorkerThread { consumer.run() } }
    defer {
      for consumer in consumers { consumer.stop() }
      for thread in threads { thread.join() }
    }
    child.begin(at: journal.start)
    let samples = try watch(child, listener, consumers, showing: showing)
    for consumer in consumers { consumer.stop() }
    for thread in threads { thread.join() }
    let result = try check()
    let state = journal.withState { $0 }
    guard let restarted = state.restarted else { throw failure(of: child) }
    let summary = DemoSummary(
      plan: plan,
      state: state,
      result: result,
      restarted: restarted,
      consumers: consumers
    )
    return (summary, samples)
  }

  private func arguments(next: [UInt64]) -> [String] {
    ["demo-producer", "--store", storePath, "--queue", Self.queueName, "--seconds", "\(plan.seconds)"]
      + ["--rate", "\(plan.calmRate)"] + (input.map { ["--input", $0] } ?? [])
      + ["--next"] + next.map { "\($0)" }
  }

  // MARK: While it runs

  /// Shows how it goes, kills the child when it is time and starts it again, until the last one is done.
  private func watch(
    _ first: OwnChild,
    _ firstListener: DemoListener,
    _ consumers: [DemoConsumer],
    showing: Bool
  ) throws -> [DemoSample] {
    var child = first
    var listener = firstListener
    var timeline = DemoTimeline(plan: plan)
    var screen = showing ? try DemoScreen(plan: plan, journal: journal, consumers: consumers) : nil
    defer { try? screen?.end() }
    var isKilled = false
    while !listener.isOver || !isKilled {
      let now = MonotonicClock.now
      let time = now - min(now, journal.start)
      if let signal = Interruption.signal { throw CommandFailure.interrupted(by: signal) }
      if !isKilled, listener.isOver { throw failure(of: child) }
      if !isKilled, time >= plan.kill {
        (child, listener) = try replace(child, listener, at: time)
        isKilled = true
      }
      if time >= timeline.next {
        timeline.take(at: time, from: journal, consumers: consumers)
        try screen?.draw(at: time, samples: timeline.samples, process: child.identifier)
      }
      let next = isKilled || timeline.next < plan.kill ? timeline.next : plan.kill
      let wait = next - min(next, time)
      _ = Interruption.sleep(nanoseconds: min(max(wait, 1_000_000), 50_000_000))
    }
    listener.join()
    guard child.wait() == .exited(0), listener.isUnderstood else { throw failure(of: child) }
    let now = MonotonicClock.now
    let time = now - min(now, journal.start)
    if time >= timeline.next { timeline.take(at: time, from: journal, consumers: consumers) }
    return timeline.samples
  }

  /// Kills the child, takes what it still had said, and starts another one that goes on behind that.
  private func replace(_ child: OwnChild, _ listener: DemoListener, at time: UInt64) throws -> (
    OwnChild, DemoListener
  ) {
    let ending = child.kill()
    listener.join()
    guard ending == .killed(SIGKILL) else { throw failure(of: child) }
    let next = journal.withState { state in
      state.restarted = DemoJournal.Restart(killed: time, processes: [child.identifier])
      return state.ledger.nextNumbers
    }
    let successor = try OwnChild(arguments: arguments(next: next))
    journal.withState { $0.restarted?.processes.append(successor.identifier) }
    successor.begin(at: journal.start)
    return (successor, try DemoListener(child: successor, journal: journal))
  }

  private func failure(of child: OwnChild) -> CommandFailure {
    .failed("the process that owns the store ended by itself (\(child.wait())); what it said stands above")
  }

  // MARK: Behind it

  /// Reads the whole log, as it is on the disk, and compares it with what was acknowledged.
  private func check() throws -> DemoLedger.Result {
    let reading = try StoreReading(store: storePath, queue: Self.queueName)
    defer { reading.close() }
    var ledger = journal.withState { state in
      defer { state.ledger = DemoLedger(numberLimit: 0) }
      return state.ledger
    }
    ledger.beginChecking()
    var cursor = try reading.queue.cursor(from: .earliest)
    var progress = ProgressBar("checking", total: nil)
    let end = reading.sequences.upperBound
    while cursor.sequence < end {
      do {
        try compare(&cursor, with: &ledger, progress: &progress)
        break
      } catch let error as SpateError where error.code == .corrupt || error.code == .ioFailed {
        // What cannot be read is missing; the rest is still to be looked for.
        progress.clear()
        StandardError.print("spate demo: \(error)")
      }
    }
    return ledger.result
  }

  /// Checks all records from a cursor's place on.
  private func compare(
    _ cursor: inout Cursor,
    with ledger: inout DemoLedger,
    progress: inout ProgressBar
  ) throws {
    var byteCount: UInt64 = 0
    var count: UInt64 = 0
    while let record = try cursor.next() {
      ledger.check(sequence: record.sequence, key: record.key, payload: record.payload, records: records)
      byteCount += UInt64(record.payload.byteCount)
      count += 1
      guard count % 4096 == 0 else { continue }
      progress.update(byteCount: byteCount, recordCount: count)
      if let signal = Interruption.signal { throw CommandFailure.interrupted(by: signal) }
    }
  }
}
