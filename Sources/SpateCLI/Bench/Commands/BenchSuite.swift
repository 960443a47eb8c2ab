/// What `spate bench` measures when it is not told what.
enum BenchSuite {
  /// Record sizes of the throughput by size.
  private static let sizes = [64, 256, 1024, 8192, 65536]

  /// The sections in the order of the table: the limits, then the engine beside them.
  static func sections(_ scale: BenchScale) -> [BenchSection] {
    [
      BenchSection(title: "Limits", scenarios: [LimitsScenario(isComplete: false)]),
      BenchSection(
        title: "Durable",
        scenarios: [
          AppendScenario(level: .durable, cases: cases(target: .ratio(atLeast: 1.2), cpuTarget: 0.30))
        ]
      ),
      BenchSection(
        title: "Written, no sync",
        scenarios: [
          AppendScenario(level: .written, cases: cases(target: .ratio(atLeast: 0.45), cpuTarget: nil))
        ]
      ),
      BenchSection(title: "Into the ring", scenarios: [PublishedScenario()]),
      BenchSection(
        title: "One at a time",
        scenarios: [
          ClosedLoopScenario(
            producers: 1,
            latencyTargets: ["p50": .ratio(atMost: 1.15), "p99": .ratio(atMost: 1.5)]
          ),
          ClosedLoopScenario(producers: 8, rateTarget: .ratio(atLeast: 3.5)),
        ]
      ),
      BenchSection(
        title: "Windows of 64",
        scenarios: [ClosedLoopScenario(recordByteCount: 1024, producers: 8, window: 64)]
      ),
      BenchSection(title: "Spike", scenarios: [SpikeScenario(spikeSeconds: scale.seconds(10))]),
      BenchSection(
        title: "Readers",
        scenarios: [
          TailScenario(), TailScenario(cursorCount: 8),
          DeliveryScenario(followers: [.polling, .parked]),
          ReadBackScenario(recordByteCount: 100, logByteCount: 256 << 20, target: nil),
          ReadBackScenario(logByteCount: 512 << 20),
        ]
      ),
      BenchSection(title: "Many queues", scenarios: [ManyQueuesScenario()]),
      BenchSection(title: "Open after SIGKILL", scenarios: [OpenScenario(logByteCount: 1 << 30)]),
    ]
  }

  /// Every measure that has a target, at the sizes that the targets are meant for.
  static func targets(_ scale: BenchScale) -> [(name: String, scenario: any BenchScenario)] {
    let framed = { (batchCount: Int, target: Double) in
      AppendScenario(
        cases: [AppendScenario.Case(recordByteCount: 64, target: .ratio(atLeast: target))],
        batchCount: batchCount,
        countsFrames: true
      )
    }
    return [
      ("durable-1024", AppendScenario(cases: [.init(target: .ratio(atLeast: 1.2), cpuTarget: 0.30)])),
      ("fresh", FreshScenario()),
      ("durable-64", framed(1, 0.7)),
      ("durable-64-batch", framed(64, 1.1)),
      ("published", PublishedScenario()),
      (
        "closed-loop-1",
        ClosedLoopScenario(latencyTargets: ["p50": .ratio(atMost: 1.15), "p99": .ratio(atMost: 1.5)])
      ),
      ("closed-loop-8", ClosedLoopScenario(producers: 8, rateTarget: .ratio(atLeast: 3.5))),
      ("written", AppendScenario(level: .written, cases: [.init(target: .ratio(atLeast: 0.45))])),
      ("tail", TailScenario()),
      ("tail-8", TailScenario(cursorCount: 8)),
      ("tail-64", TailScenario(cursorCount: 64)),
      ("delivery", DeliveryScenario()),
      ("stalled-cursor", StalledCursorScenario()),
      ("cold-cursor", ColdCursorScenario()),
      ("read-back", ReadBackScenario()),
      ("many-queues", ManyQueuesScenario()),
      ("open-2", OpenScenario(logByteCount: 2_000_000_000)),
      ("open-20", OpenScenario(logByteCount: 20_000_000_000)),
      ("processor", ProcessorScenario()),
      ("memory", MemoryScenario()),
      ("acknowledge", AcknowledgeScenario()),
      ("disk-stall", DiskStallScenario()),
    ]
  }

  /// All sizes with two producers; 1 KiB, which the target is for, with one and with eight.
  private static func cases(target: BenchTarget, cpuTarget: Double?) -> [AppendScenario.Case] {
    sizes.map { size in
      AppendScenario.Case(
        recordByteCount: size,
        producers: 2,
        target: size == 1024 ? target : nil,
        cpuTarget: size == 1024 ? cpuTarget : nil
      )
    } + [1, 8].map { AppendScenario.Case(recordByteCount: 1024, producers: $0) }
  }
}
