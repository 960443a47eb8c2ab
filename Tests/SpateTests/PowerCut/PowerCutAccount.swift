@testable import Spate
@testable import SpateCrashChild

/// What is known of a store at one moment, from the lines that its owners printed and from what was read of it.
struct PowerCutAccount {
  /// By queue and sequence, the hash of each record that was acknowledged as durable, or shown by a reopened queue.
  var durable: [String: [UInt64: UInt64]] = ["a": [:], "b": [:], "c": [:]]
  /// By cursor, the place that was acknowledged as durable.
  var settled: [String: UInt64] = [:]
  /// By cursor, how far it was delivered to.
  var delivered: [String: UInt64] = [:]
  /// By queue, the highest sequence that a trim was asked for.
  var trimmed: [String: UInt64] = [:]
  /// The processes that may have appended.
  var lives: Set<UInt64> = []

  /// Takes in what a `SpateCrashChild work` printed.
  mutating func note(_ lines: [String]) {
    for line in lines {
      let fields = line.split(separator: " ").map(String.init)
      let numbers = fields.map { UInt64($0) ?? 0 }
      switch (fields[0], fields.count) {
      case ("open", 1): break
      case ("t", 3): trimmed[fields[1]] = max(trimmed[fields[1]] ?? 0, numbers[2])
      case ("d", 4): delivered[fields[1]] = max(delivered[fields[1]] ?? 0, numbers[3])
      case ("a", 3): settled[fields[1]] = max(settled[fields[1]] ?? 0, numbers[2])
      case ("a", 4), ("b", 4), ("c", 4):
        if fields[3] == "\(DurabilityLevel.durable)" { durable[fields[0]]?[numbers[1]] = numbers[2] }
      default: preconditionFailure("a line that no child prints: \(line)")
      }
    }
  }

  /// How far a queue may begin behind its first record.
  func trimmable(_ queue: String) -> UInt64 {
    switch queue {
    case "a": trimmed["a"] ?? 0
    case "b": Workload.cursors.map { delivered[$0] ?? 0 }.min() ?? 0
    default: 0
    }
  }

  /// Compares a store that was opened again with what was known before the cut; `later` also knows what its owner
  /// did about the time of the cut. Returns what was read of each queue, and what is wrong.
  func compare(_ store: Store, later: PowerCutAccount) throws(SpateError) -> (
    logs: [String: CrashLog], checkedCount: Int, complaints: [String]
  ) {
    var logs: [String: CrashLog] = [:]
    var complaints: [String] = []
    var checkedCount = 0
    for name in ["a", "b", "c"] {
      let queue = try store.queue(named: name)
      if !queue.recoveryReport.damages.isEmpty { complaints.append("\(name): \(queue.recoveryReport)") }
      // The housekeeper trims what all cursors have acknowledged.
      let log = try CrashLog(reading: queue, mayBeTrimmed: name == "b")
      complaints += log.complaints
      let strangers = log.lives.subtracting(later.lives)
      if !strangers.isEmpty {
        complaints.append("\(name): records of \(strangers), which were never appended")
      }
      let kept = queue.statistics.firstSequence
      if kept > later.trimmable(name) {
        complaints.append("\(name): begins at \(kept), may begin at \(later.trimmable(name))")
      }
      var lost: [UInt64] = []
      for (sequence, hash) in durable[name] ?? [:] where sequence >= kept {
        checkedCount += 1
        if log.seen[sequence] != hash { lost.append(sequence) }
      }
      if let first = lost.min() {
        complaints.append("\(name): \(lost.count) records are lost or changed, the first is \(first)")
      }
      logs[name] = log
    }
    complaints += try compareTransactions(store, log: logs["c"])
    complaints += try compareCursors(try store.queue(named: "b"), log: logs["b"], later: later)
    return (logs, checkedCount, complaints)
  }

  /// The last record of `c`, what its metadata says and the place of the cursor are of one transaction.
  private func compareTransactions(_ store: Store, log: CrashLog?) throws(SpateError) -> [String] {
    let place = try store.queue(named: "b").namedCursors.first { $0.name == Mover.cursor }
    let note = try store.queue(named: "c").metadata(named: Mover.note)
    guard let last = log?.last else {
      return note == nil && place?.acknowledgedSequence ?? 0 == 0 ? [] : ["half a first transaction"]
    }
    let end = place?.acknowledgedSequence ?? 0
    let expected = Mover.note(life: last.life, number: last.number, end: end)
    guard note != expected else { return [] }
    let texts = [expected, note ?? []].map { String(decoding: $0, as: UTF8.self) }
    return ["a torn transaction: \(texts[0]) in the log, \(texts[1]) in the metadata"]
  }

  private func compareCursors(
    _ queue: Queue,
    log: CrashLog?,
    later: PowerCutAccount
  ) throws(SpateError) -> [String] {
    var complaints: [String] = []
    let places = queue.namedCursors
    for name in settled.keys where !places.contains(where: { $0.name == name }) {
      complaints.append("cursor \(name) is gone")
    }
    for place in places {
      let at = place.acknowledgedSequence
      if at < settled[place.name] ?? 0 {
        complaints.append("cursor \(place.name) is back at \(at), behind \(settled[place.name] ?? 0)")
      }
      if at > later.delivered[place.name] ?? 0 {
        complaints.append(
          "cursor \(place.name) is at \(at), was delivered \(later.delivered[place.name] ?? 0)"
        )
      }
      if let evicted = place.evicted { complaints.append("cursor \(place.name) lost \(evicted)") }
      var cursor = try queue.openCursor(place.name)
      var rest: [UInt64] = []
      while let record = try cursor.next() { rest.append(record.sequence) }
      if rest != log?.seen.keys.filter({ $0 >= at }).sorted() {
        complaints.append("cursor \(place.name) skips records behind \(at)")
      }
    }
    return complaints
  }
}
