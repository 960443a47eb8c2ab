import Glibc

/// Shows how the demo goes: one screen that is drawn again on a terminal, a line a second otherwise. One thread.
struct DemoScreen: ~Copyable {
  private static let sparks = Array(" ▁▂▃▄▅▆▇█")
  private static let width = 76

  private let plan: DemoPlan
  private let journal: DemoJournal
  private let consumers: [DemoConsumer]
  private let isTerminal: Bool
  private var output = OutputBuffer()
  private var nextDraw: UInt64 = 0

  init(plan: DemoPlan, journal: DemoJournal, consumers: [DemoConsumer]) throws(CommandFailure) {
    self.plan = plan
    self.journal = journal
    self.consumers = consumers
    isTerminal = isatty(STDOUT_FILENO) == 1
    // The other screen, and no caret on it.
    if isTerminal { try output.append("\u{1B}[?1049h\u{1B}[?25l") }
  }

  /// Gives the terminal back.
  mutating func end() throws(CommandFailure) {
    if isTerminal { try output.append("\u{1B}[?25h\u{1B}[?1049l") }
    try output.flush()
  }

  /// Draws what there is at `time`, in nanoseconds from the start, unless it was just done.
  mutating func draw(at time: UInt64, samples: [DemoSample], process: Int32) throws(CommandFailure) {
    guard time >= nextDraw, let sample = samples.last else { return }
    nextDraw = time + (isTerminal ? 200_000_000 : 1_000_000_000)
    guard isTerminal else {
      try output.append(line(at: time, sample))
      return try output.flush()
    }
    try output.append("\u{1B}[H")
    for line in lines(at: time, samples, sample, process) { try output.append(line + "\u{1B}[K\n") }
    try output.append("\u{1B}[J")
    try output.flush()
  }

  // MARK: One line

  private func line(at time: UInt64, _ sample: DemoSample) -> String {
    let state = journal.withState { $0.statistics }
    let lags = consumers.map { consumer in
      "\(consumer.pace.name) \(consumer.isAway ? "(away) " : "")\(Decimal.short(Double(consumer.lag)))"
    }
    return "\(Self.seconds(time)) s  \(plan.phase(at: time))  offered \(Self.rate(sample.offeredRate))  "
      + "durable \(Self.rate(sample.durableRate))  p99 \(sample.p99.map(Self.time) ?? "-")  "
      + "ring \(ByteCount.text(state.ringByteCount))  commit \(state.commitRecordCount) records  "
      + "sync \(Self.time(state.syncP50Nanoseconds))  lag: \(lags.joined(separator: ", "))\n"
  }

  // MARK: The screen

  private func lines(at time: UInt64, _ samples: [DemoSample], _ sample: DemoSample, _ process: Int32)
    -> [String]
  {
    let (facts, restarted) = journal.withState { ($0.statistics, $0.restarted) }
    let offered = Self.padded(Self.rate(sample.offeredRate), 12)
    let durable = Self.padded(Self.rate(sample.durableRate), 12)
    let share = Double(facts.ringByteCount) / Double(max(1, facts.memoryBudgetByteCount))
    let phase = time < plan.end ? "\(plan.phase(at: time))" : "done"
    var lines = [
      "\u{1B}[1mspate demo\u{1B}[0m   \(phase)   \(Self.seconds(time)) s of \(Self.seconds(plan.end)) s   "
        + "the store's owner is process \(process)",
      "",
      "records a second   offered \(offered)   durable \(durable)",
      " " + sparkline(samples),
      " " + ruler(restarted),
      "",
      "append to durable  p50 \(Self.padded(sample.p50.map(Self.time) ?? "-", 9))   p99 "
        + Self.padded(sample.p99.map(Self.time) ?? "-", 9),
      "commit             \(facts.commitRecordCount) records, \(ByteCount.text(facts.commitByteCount));  sync p50 "
        + "≤ \(Self.time(facts.syncP50Nanoseconds)), p99 ≤ \(Self.time(facts.syncP99Nanoseconds))",
      "ring               \(Self.bar(share, width: 24)) \(ByteCount.text(facts.ringByteCount)) of "
        + ByteCount.text(facts.memoryBudgetByteCount),
      "",
    ]
    let most = max(1, samples.flatMap(\.lags).max() ?? 1)
    for (consumer, lag) in zip(consumers, sample.lags) {
      lines.append(
        "consumer \(Self.padded(consumer.pace.name, 14, right: true)) lag \(Self.padded(Decimal.short(Double(lag)), 8))  "
          + Self.bar(Double(lag) / Double(most), width: 24) + (consumer.isAway ? "  away" : "")
      )
    }
    lines.append("")
    if let restarted { lines += Self.story(restarted).split(separator: "\n").map(String.init) }
    return lines
  }

  /// What happened to the child.
  static func story(_ restarted: DemoJournal.Restart) -> String {
    var text = "\(seconds(restarted.killed)) s: process \(restarted.processes[0]) killed with SIGKILL"
    if let again = restarted.acknowledgedAgain {
      text += "; first record durable again \(time(again - min(again, restarted.killed))) later"
      text += "\n        (opening the store took \(time(restarted.recoveryNanoseconds ?? 0)))"
    }
    return text
  }

  /// The durable rate over the whole demo; a column is as high as the most in its time.
  private func sparkline(_ samples: [DemoSample]) -> String {
    let most = max(1, samples.map(\.durableRate).max() ?? 1)
    var columns = [Double](repeating: 0, count: Self.width)
    for sample in samples {
      let column = column(of: sample.time)
      columns[column] = max(columns[column], sample.durableRate)
    }
    return String(
      columns.map { rate in
        rate <= 0 ? Self.sparks[0] : Self.sparks[1 + min(7, Int(rate / most * 7.99))]
      }
    )
  }

  /// Where the phases are, below the sparkline.
  private func ruler(_ restarted: DemoJournal.Restart?) -> String {
    var marks = [Character](repeating: "─", count: Self.width)
    func write(_ text: String, at column: Int) {
      for (index, character) in text.enumerated() { marks[min(Self.width - 1, column + index)] = character }
    }
    write(" calm ", at: 1)
    write("┬ spike ", at: column(of: plan.spike.lowerBound))
    write("┬ calm ", at: column(of: plan.spike.upperBound))
    if let restarted { write("✕", at: column(of: restarted.killed)) }
    return String(marks)
  }

  private func column(of time: UInt64) -> Int {
    min(Self.width - 1, Int(Double(time) / Double(plan.end) * Double(Self.width)))
  }

  // MARK: Words

  private static func bar(_ share: Double, width: Int) -> String {
    let filled = min(width, max(0, Int((share * Double(width)).rounded(.up))))
    return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
  }

  private static func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, width - text.count))
    return right ? text + space : space + text
  }

  private static func rate(_ rate: Double) -> String { Decimal.short(rate) + "/s" }

  /// Nanoseconds as seconds with a digit behind the point.
  static func seconds(_ nanoseconds: UInt64) -> String { Decimal.text(Double(nanoseconds) / 1e9, digits: 1) }

  /// A short time in its unit.
  static func time(_ nanoseconds: UInt64) -> String {
    let value = Double(nanoseconds)
    if value < 1e6 { return Decimal.text(value / 1e3, digits: 0) + " µs" }
    if value < 1e9 { return Decimal.text(value / 1e6, digits: value < 1e8 ? 1 : 0) + " ms" }
    return Decimal.text(value / 1e9, digits: 2) + " s"
  }
}
