// The report for programs. Names and units are stable.
extension BenchReport {
  /// One object.
  func json(machine: BenchMachine, context: BenchContext) -> JSONValue {
    .object([
      ("spate", .string(SpateCommand.configuration.version)),
      ("machine", machine.json),
      ("rounds", .number(UInt64(context.rounds))),
      ("roundSeconds", .decimal(context.roundSeconds)),
      ("seconds", .decimal(seconds)),
      ("rows", .array(sections.flatMap { section in section.rows.map { $0.json(section: section.title) } })),
      ("curves", .array(curves.map(\.json))),
      ("spike", .array(spike.map(\.json))),
      ("warnings", .array(warnings.map(JSONValue.string))),
      ("failures", .array(failures.map(JSONValue.string))),
    ])
  }
}

extension BenchRow {
  fileprivate func json(section: String) -> JSONValue {
    .object([
      ("section", .string(section)), ("scenario", .string(scenario)), ("measure", .string(measure)),
      ("unit", .string(unit)), ("better", .string(better.rawValue)), ("measured", measured.json),
      ("values", .array(values.map(JSONValue.decimal))),
      ("limit", limit?.json(named: limitName ?? "") ?? .null), ("ratio", ratio?.json ?? .null),
      ("target", .optional(target?.text(unit: unit))),
      ("isReached", isReached.map(JSONValue.boolean) ?? .null), ("isNoisy", .boolean(isNoisy)),
      ("cost", cost?.json ?? .null),
      (
        "details",
        .array(
          details.map {
            .object([
              ("name", .string($0.name)), ("value", .decimal($0.value)), ("unit", .string($0.unit)),
            ])
          }
        )
      ),
    ])
  }
}

extension Spread {
  fileprivate var json: JSONValue { .object(fields) }

  fileprivate func json(named name: String) -> JSONValue { .object([("name", .string(name))] + fields) }

  private var fields: [(String, JSONValue)] {
    [("median", .decimal(median)), ("minimum", .decimal(minimum)), ("maximum", .decimal(maximum))]
  }
}

extension BenchCost {
  fileprivate var json: JSONValue {
    func decimal(_ value: Double?) -> JSONValue { value.map(JSONValue.decimal) ?? .null }
    return .object([
      ("records", .number(recordCount)), ("payloadBytes", .number(payloadByteCount)),
      ("cpuSecondsPerGigabyte", decimal(cpuSecondsPerGigabyte)),
      ("peakMemoryBytes", .number(peakMemoryByteCount)),
      ("deviceBytesPerPayloadByte", decimal(deviceBytesPerPayloadByte)),
      ("commits", .optional(commitCount)), ("meanBatch", decimal(meanBatch)),
    ])
  }
}

extension LatencyCurve {
  fileprivate var json: JSONValue {
    .object([
      ("name", .string(name)),
      (
        "points",
        .array(
          points.map {
            .object([("percentile", .decimal($0.percentile)), ("microseconds", .decimal($0.microseconds))])
          }
        )
      ),
    ])
  }
}

extension SpikeSample {
  fileprivate var json: JSONValue {
    .object([
      ("seconds", .decimal(seconds)), ("offeredPerSecond", .decimal(offeredPerSecond)),
      ("durablePerSecond", .decimal(durablePerSecond)),
      ("p50Microseconds", p50.map(JSONValue.decimal) ?? .null),
      ("p99Microseconds", p99.map(JSONValue.decimal) ?? .null),
    ])
  }
}
