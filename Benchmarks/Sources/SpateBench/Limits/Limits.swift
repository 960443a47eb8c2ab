import CLimits

/// The limits of this machine, each measured anew with every call, by plain system calls.
struct Limits: Sendable {
  private let directory: String

  /// The files that the limits write, kept and reused, so that their blocks are written already.
  private var bandwidthPath: String { "\(directory)/limit-bandwidth" }
  private var latencyPath: String { "\(directory)/limit-latency" }

  /// Limits of the disk that holds `directory`.
  init(directory: String) { self.directory = directory }

  /// 1 MiB direct writes with O_DSYNC, four in flight.
  ///
  /// - Returns: bytes a second and CPU-seconds a GB.
  func durableBandwidth(
    seconds: Double,
    fileByteCount: UInt64 = 1 << 30,
    blockByteCount: Int = 1 << 20,
    depth: UInt32 = 4
  ) throws -> (bytesPerSecond: Double, cpuSecondsPerGigabyte: Double) {
    var rate = 0.0
    var cpu = 0.0
    let result = unsafe climits_direct_write(
      bandwidthPath,
      fileByteCount,
      blockByteCount,
      depth,
      seconds,
      &rate,
      &cpu
    )
    try BenchmarkError.check(result, "direct writes to \(bandwidthPath)")
    return (rate, cpu)
  }

  /// One 4 KiB `pwritev2(RWF_DSYNC)` after the other.
  func durableWriteLoop(seconds: Double, blockByteCount: Int = 4096) throws -> (
    latencies: Latencies, writesPerSecond: Double
  ) {
    var values = [UInt32](repeating: 0, count: max(Int(seconds * 200_000), 1000))
    var count = 0
    var elapsed = 0.0
    let capacity = values.count
    let result = unsafe climits_durable_write(
      latencyPath,
      64 << 20,
      blockByteCount,
      seconds,
      &values,
      capacity,
      &count,
      &elapsed
    )
    try BenchmarkError.check(result, "durable writes to \(latencyPath)")
    return (Latencies(values[..<count]), Double(count) / elapsed)
  }

  /// memcpy between buffers that no cache holds, a whole buffer at a time: the fastest form, which writes past the caches.
  ///
  /// - Returns: bytes copied a second, by all threads together.
  func memoryCopyBandwidth(
    threads: UInt32 = 1,
    seconds: Double,
    bufferByteCount: Int = 256 << 20,
    pieceByteCount: Int = 256 << 20
  ) throws -> Double {
    var rate = 0.0
    let result = unsafe climits_memcpy(threads, bufferByteCount, pieceByteCount, seconds, &rate)
    try BenchmarkError.check(result, "memory copies")
    return rate
  }

  /// The ring loop in C, with a drain thread beside it.
  ///
  /// - Returns: nanoseconds a record.
  func ringLoop(
    producers: UInt32 = 1,
    recordByteCount: Int = 64,
    ringByteCount: Int = 64 << 20,
    records: UInt64 = 10_000_000
  ) throws -> Double {
    var nanoseconds = 0.0
    let result = unsafe climits_ring_loop(producers, recordByteCount, ringByteCount, records, &nanoseconds)
    try BenchmarkError.check(result, "the ring loop")
    return nanoseconds
  }

  /// A 4 KiB write and an fdatasync for each of `files` files, one after another.
  ///
  /// - Returns: seconds of each time around.
  func manyFiles(_ files: UInt32 = 256, repeats: UInt32) throws -> [Double] {
    var times = [Double](repeating: 0, count: Int(repeats))
    let result = unsafe climits_many_files(directory, files, repeats, &times)
    try BenchmarkError.check(result, "writes to \(files) files")
    return times
  }
}
