/// The limits by themselves, in turn within each round, so that a drift of the machine meets all of them.
struct LimitsScenario: Scenario {
  func run(_ context: Context) throws -> [Row] {
    let limits = context.limits
    let span = context.roundSeconds
    var bandwidth: [Double] = []
    var bandwidthCPU: [Double] = []
    var latencies = Latencies()
    var p50: [Double] = []
    var p99: [Double] = []
    var writeRate: [Double] = []
    var copies: [[Double]] = [[], []]
    var ring: [[Double]] = [[], []]
    var files: [Double] = []
    for round in 0..<context.rounds {
      context.log("round \(round + 1) of \(context.rounds)")
      let (rate, cpu) = try limits.durableBandwidth(seconds: span)
      bandwidth.append(rate)
      bandwidthCPU.append(cpu)
      let (values, writes) = try limits.durableWriteLoop(seconds: span)
      p50.append(values.microseconds(at: 50))
      p99.append(values.microseconds(at: 99))
      writeRate.append(writes)
      latencies.add(values)
      for threads in 1...2 {
        copies[threads - 1].append(
          try limits.memoryCopyBandwidth(threads: UInt32(threads), seconds: span / 4)
        )
        ring[threads - 1].append(try limits.ringLoop(producers: UInt32(threads)))
      }
      files.append(Spread(try limits.manyFiles(repeats: 3)).median)
    }
    func row(
      _ measure: String,
      _ unit: String,
      _ values: [Double],
      _ scale: Double = 1,
      _ details: [Detail] = []
    )
      -> Row
    {
      Row(
        scenario: "limits",
        measure: measure,
        unit: unit,
        measured: Spread(values, scaledBy: scale),
        details: details
      )
    }
    return [
      row(
        "1 MiB O_DIRECT, 4 in flight, O_DSYNC",
        "GB/s",
        bandwidth,
        1e-9,
        [Detail("CPU", Spread(bandwidthCPU).median, "s/GB")]
      ),
      row("4 KiB pwritev2(RWF_DSYNC), p50", "µs", p50),
      row(
        "4 KiB pwritev2(RWF_DSYNC), p99",
        "µs",
        p99,
        1,
        [Detail("p99.9 of all rounds", latencies.microseconds(at: 99.9), "µs")]
      ),
      row("4 KiB pwritev2(RWF_DSYNC), rate", "writes/s", writeRate),
      row("memcpy, 1 thread", "GB/s", copies[0], 1e-9),
      row("memcpy, 2 threads", "GB/s", copies[1], 1e-9),
      row("C ring loop, 64 B, 1 producer", "ns", ring[0]),
      row("C ring loop, 64 B, 2 producers", "ns", ring[1]),
      row("256 files, write + fdatasync in turn", "ms", files, 1e3),
    ]
  }
}
