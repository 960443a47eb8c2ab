import Benchmark
import CMallocCount
import CSpate
import Glibc
import Spate

/// Every figure is for one record, but for the scan: that is for one record of a verified log, too.
let benchmarks: @Sendable () -> Void = {
  unsafe Benchmark.defaultConfiguration = Benchmark.Configuration(
    metrics: [.wallClock, .instructions, .allocations],
    warmupIterations: 3,
    scalingFactor: .kilo,
    maxDuration: .seconds(2),
    maxIterations: 500,
    thresholds: [
      // Compared with a stored baseline: `swift package benchmark baseline compare`.
      .instructions: BenchmarkThresholds(relative: [.p50: 3]),
      // Counted, so they hold on any machine. The rare chunk's own objects may fall into a sample.
      .allocations: BenchmarkThresholds(absolute: [.p50: 0]),
    ]
  )

  for byteCount in [64, 1024] {
    Benchmark("append at published, \(byteCount) B") { benchmark, queue in
      let payload = [UInt8](repeating: 7, count: byteCount)
      try measure(benchmark) {
        for _ in benchmark.scaledIterations {
          blackHole(try unsafe queue.queue.append(payload.span.bytes, level: .published))
        }
      }
      try queue.settle()
    } setup: {
      try BenchmarkQueue()
    }

    Benchmark("claim and publish, \(byteCount) B") { benchmark, queue in
      try measure(benchmark) {
        for _ in benchmark.scaledIterations {
          try queue.queue.claim(byteCount: byteCount).publish(level: .published)
        }
      }
      try queue.settle()
    } setup: {
      try BenchmarkQueue()
    }

    Benchmark("CRC-32C, \(byteCount) B") { benchmark in
      let payload = [UInt8](repeating: 7, count: byteCount)
      measure(benchmark) {
        var checksum: UInt32 = 0
        for _ in benchmark.scaledIterations {
          checksum = unsafe payload.withUnsafeBytes {
            unsafe spate_crc32c(checksum, $0.baseAddress, $0.count)
          }
        }
        blackHole(checksum)
      }
    }

    Benchmark("cursor next in the ring, \(byteCount) B") { benchmark, queue in
      try queue.append(benchmark.scaledIterations.count, byteCount: byteCount)
      try measure(benchmark) { blackHole(try queue.readAll()) }
      try queue.settle()
    } setup: {
      try BenchmarkQueue()
    }

    Benchmark(
      "scan of a log, \(byteCount) B",
      // A scan opens files and maps them; that is not once a record.
      configuration: .init(scalingFactor: .mega, thresholds: [.instructions: .init(relative: [.p50: 3])])
    ) { benchmark, log in
      try measure(benchmark) { blackHole(try log.verify()) }
    } setup: {
      try BenchmarkLog(recordCount: 1_000_000, byteCount: byteCount)
    }
  }

  Benchmark("acknowledge") { benchmark, queue in
    try queue.append(benchmark.scaledIterations.count, byteCount: 64)
    try queue.settle()
    try measure(benchmark) { try queue.acknowledge(benchmark.scaledIterations.count) }
  } setup: {
    try BenchmarkQueue()
  }

  Benchmark(
    "commit round in memory",
    // The committer's own thread allocates nothing either, but it is not this thread that is counted.
    configuration: .init(scalingFactor: .one, thresholds: [.instructions: .init(relative: [.p50: 5])])
  ) { benchmark, queue in
    let payload = [UInt8](repeating: 7, count: 64)
    try measure(benchmark) {
      for _ in benchmark.scaledIterations {
        blackHole(try unsafe queue.queue.append(payload.span.bytes, level: .durable))
      }
    }
  } setup: {
    try BenchmarkQueue()
  }
}

/// Measures `work`, its allocations on this thread included.
private func measure<Failure: Error>(_ benchmark: Benchmark, _ work: () throws(Failure) -> Void)
  throws(Failure)
{
  let before = malloc_count_of_this_thread()
  benchmark.startMeasurement()
  try work()
  benchmark.stopMeasurement()
  let count = malloc_count_of_this_thread() - before
  benchmark.measurement(.allocations, Int(count))
}

extension BenchmarkMetric {
  /// Calls of malloc and its kin on the thread that is measured.
  static var allocations: BenchmarkMetric { .custom("Allocations", polarity: .prefersSmaller) }
}
