/// What others did on the machine while something was measured.
struct MachineNoise {
  /// Processor time since the machine was started, in ticks.
  private struct Ticks {
    var total: Double
    var busy: Double
    var stolen: Double
  }

  /// A sync cannot be faster than this and reach a medium: the fastest ones, with a cache that a power cut does not
  /// empty, take about as long.
  static let leastSyncMicroseconds = 15.0

  private let begun = Self.ticks()
  private let ownBegun = ProcessUsage.now().cpuSeconds
  private let start = MonotonicClock.now

  /// What has to be said about the place, the disk and the machine, from the beginning of this value on.
  func warnings(isInMemory: Bool, rows: [BenchRow]) -> [String] {
    var warnings: [String] = []
    if isInMemory {
      warnings.append(
        "the directory is in memory (tmpfs): this measures no disk, and `durable` means nothing there; name a directory on a disk"
      )
    } else if let sync = Self.syncMicroseconds(rows), sync < Self.leastSyncMicroseconds {
      warnings.append(
        "a synced write took \(Decimal.adaptive(sync)) µs: faster than a medium can be, unless its cache survives a power cut; "
          + "this disk, or what stands before it, may ignore syncs"
      )
    }
    let (others, stolen) = shares
    if others > 0.1 {
      warnings.append(
        "other processes took \(Decimal.text(others * 100, digits: 0)) % of the processors meanwhile; stop them and measure again"
      )
    }
    if stolen > 0.02 {
      warnings.append(
        "the host of this virtual machine withheld \(Decimal.text(stolen * 100, digits: 0)) % of the processors"
      )
    }
    if let drift = Self.drift(rows) {
      warnings.append(
        "the disk's own limit moved between \(Decimal.adaptive(drift.minimum)) and \(Decimal.adaptive(drift.maximum)) GB/s: "
          + "believe the ratios, not the figures"
      )
    }
    return warnings
  }

  private static func syncMicroseconds(_ rows: [BenchRow]) -> Double? {
    rows.first { $0.scenario == "limits" && $0.measure.hasSuffix("p50") }?.measured.median
      ?? rows.first { $0.limitName == "raw 4 KiB synced writes" && $0.unit == "µs" }?.limit?.median
  }

  /// How far the bandwidth of the disk itself moved, when that is far.
  private static func drift(_ rows: [BenchRow]) -> Spread? {
    let own = rows.filter { $0.scenario == "limits" && $0.measure.hasPrefix("1 MiB") }.map(\.measured)
    let limits = own + rows.filter { $0.limitName?.hasPrefix("1 MiB") == true }.compactMap(\.limit)
    guard !limits.isEmpty else { return nil }
    let all = Spread(limits.flatMap { [$0.minimum, $0.median, $0.maximum] })
    return all.maximum > all.minimum * 1.5 ? all : nil
  }

  /// Which parts of the processors other processes and the host took.
  private var shares: (others: Double, stolen: Double) {
    let now = Self.ticks()
    let total = now.total - begun.total
    guard total > 0 else { return (0, 0) }
    let processors = BenchMachine.processorCount
    let own =
      (ProcessUsage.now().cpuSeconds - ownBegun) / max(MonotonicClock.seconds(since: start), 0.001)
      / processors
    return (max(0, (now.busy - begun.busy) / total - own), (now.stolen - begun.stolen) / total)
  }

  private static func ticks() -> Ticks {
    // cpu user nice system idle iowait irq softirq steal
    let words = TextFile.read("/proc/stat").split(separator: "\n").first?.split(separator: " ") ?? []
    let values = words.dropFirst().prefix(8).compactMap { Double($0) }
    guard values.count == 8 else { return Ticks(total: 0, busy: 0, stolen: 0) }
    let total = values.reduce(0, +)
    return Ticks(total: total, busy: total - values[3] - values[4] - values[7], stolen: values[7])
  }
}
