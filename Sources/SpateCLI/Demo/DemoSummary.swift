/// What the demo found out, for people and for programs.
struct DemoSummary {
  let plan: DemoPlan
  let state: DemoJournal.State
  let result: DemoLedger.Result
  let restarted: DemoJournal.Restart
  let consumers: [DemoConsumer]

  /// Whether the demo showed what it promises: nothing acknowledged is missing or changed, and every consumer read on.
  var isWhole: Bool {
    result.isWhole && consumers.allSatisfy { $0.failure == nil && $0.skippedCount == 0 }
  }

  /// All records that were due in the spike, and those that the restart delayed.
  private var spikeAndRestart: LatencyCounts {
    var counts = state.spike
    counts.add(state.restart)
    return counts
  }

  private var latencies: [(label: String, name: String, counts: LatencyCounts)] {
    [
      ("calm", "calm", state.calm), ("spike", "spike", spikeAndRestart),
      ("spike, but for the restart", "spikeWithoutRestart", state.spike),
    ]
  }

  /// A screen of text.
  var text: String {
    var table = Table([
      ("APPEND TO DURABLE", .left), ("RECORDS", .right), ("P50", .right), ("P99", .right), ("P99.9", .right),
      ("MAX", .right),
    ])
    for (label, _, counts) in latencies {
      table.add(
        [label, "\(counts.totalCount)"]
          + [counts.percentile(0.5), counts.percentile(0.99), counts.percentile(0.999), counts.maximum]
          .map(DemoScreen.time)
      )
    }
    var readers = Table([
      ("CONSUMER", .left), ("READ", .right), ("SKIPPED", .right), ("LAG AT THE END", .right),
    ])
    for consumer in consumers {
      readers.add([consumer.pace.name, "\(consumer.sequence)", "\(consumer.skippedCount)", "\(consumer.lag)"])
    }
    let failures = consumers.compactMap { consumer in
      consumer.failure.map { "The consumer \"\(consumer.pace.name)\" stopped: \($0)\n" }
    }
    return """
      \(table.text)
      \(readers.text)
      \(failures.joined())\(DemoScreen.story(restarted))
      peak memory of the store's owner: \(ByteCount.text(state.peakMemoryByteCount))

      \(result.acknowledgedCount) records acknowledged as durable; each looked for in the log by sequence and content:
        missing     \(result.missingCount)
        changed     \(result.changedCount)
        duplicates  \(result.duplicateCount)   in doubt at the kill, so the restarted producers appended them again
      \(result.storedCount) records in the log, \(result.unacknowledgedCount) of them durable but not acknowledged \
      before the kill

      """
  }

  /// Everything as one object. Times are nanoseconds.
  var json: JSONValue {
    .object([
      ("seconds", .number(UInt64(plan.seconds.rounded()))),
      ("calmRate", .number(UInt64(plan.calmRate))),
      ("spikeRate", .number(UInt64(plan.spikeRate))),
      (
        "records",
        .object([
          ("acknowledged", .number(result.acknowledgedCount)), ("stored", .number(result.storedCount)),
          ("missing", .number(result.missingCount)), ("changed", .number(result.changedCount)),
          ("duplicates", .number(result.duplicateCount)),
          ("unacknowledged", .number(result.unacknowledgedCount)),
        ])
      ),
      ("latency", .object(latencies.map { ($0.name, Self.json($0.counts)) })),
      (
        "restart",
        .object([
          ("killedAfter", .number(restarted.killed)),
          ("durableAgainAfter", .optional(restarted.acknowledgedAgain)),
          ("opening", .optional(restarted.recoveryNanoseconds)),
          ("processes", .array(restarted.processes.map { .number(UInt64($0)) })),
        ])
      ),
      ("consumers", .array(consumers.map(Self.json))),
      ("peakMemoryBytes", .number(state.peakMemoryByteCount)),
      ("isWhole", .boolean(isWhole)),
    ])
  }

  private static func json(_ counts: LatencyCounts) -> JSONValue {
    .object([
      ("records", .number(counts.totalCount)), ("p50", .number(counts.percentile(0.5))),
      ("p99", .number(counts.percentile(0.99))), ("p999", .number(counts.percentile(0.999))),
      ("max", .number(counts.maximum)),
    ])
  }

  private static func json(_ consumer: DemoConsumer) -> JSONValue {
    .object([
      ("name", .string(consumer.pace.name)), ("read", .number(consumer.sequence)),
      ("skipped", .number(consumer.skippedCount)), ("lag", .number(consumer.lag)),
      ("failure", .optional(consumer.failure.map { "\($0)" })),
    ])
  }
}
