import CLimits

/// The limits of this machine, each measured anew with every call, by plain system calls.
struct Limits: Sendable {
  private let directory: String
  private let scale: BenchScale

  /// The files that the limits write, kept and reused, so that their blocks are written already.
  private var bandwidthPath: String { "\(directory)/limit-bandwidth" }
  private var latencyPath: String { "\(directory)/limit-latency" }

  /// Limits of the disk that holds `directory`.
  init(directory: String, scale: BenchScale) {
    self.directory = directory
    self.scale = scale
  }

  /// Bytes that the files of the limits take on the disk.
  static func byteCount(_ scale: BenchScale) -> UInt64 {
    bandwidthByteCount(scale) + latencyByteCount(scale) + 32 << 20
  }

  private static func bandwidthByteCount(_ scale: BenchScale) -> UInt64 { scale.bytes(512 << 20) }
  private static func latencyByteCount(_ scale: BenchScale) -> UInt64 { scale.bytes(64 << 20) }

  /// Throws for what a limit returns: 0 or a negative errno.
  static func check(_ result: Int32, _ action: String, _ path: String) throws {
    if result != 0 { throw CommandFailure.system(action, path, errno: -result) }
  }

  /// 1 MiB direct writes with O_DSYNC, four in flight.
  ///
  /// - Returns: bytes a second and CPU-seconds a GB.
  func durableBandwidth(
    seconds: Double,
    blockByteCount: Int = 1 << 20,
    depth: UInt32 = 4
  ) throws -> (bytesPerSecond: Double, cpuSecondsPerGigabyte: Double) {
    var rate = 0.0
    var cpu = 0.0
    let result = unsafe climits_direct_write(
      bandwidthPath,
      Self.bandwidthByteCount(scale),
      blockByteCount,
      depth,
      seconds,
      &rate,
      &cpu
    )
    try Self.check(result, "do direct writes", bandwidthPath)
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
      Self.latencyByteCount(scale),
      blockByteCount,
      seconds,
      &values,
      capacity,
      &count,
      &elapsed
    )
    try Self.check(result, "do durable writes", latencyPath)
    return (Latencies(values[..<count]), Double(count) / elapsed)
  }

  /// memcpy between buffers that no cache holds, a whole buffer at a time: the fastest form, which writes past the caches.
  ///
  /// - Returns: bytes copied a second, by all threads together.
  func memoryCopyBandwidth(
    threads: UInt32 = 1,
    seconds: Double
  ) throws -> Double {
    var rate = 0.0
    let bufferByteCount = Int(scale.bytes(256 << 20))
    let result = unsafe climits_memcpy(threads, bufferByteCount, bufferByteCount, seconds, &rate)
    try Self.check(result, "copy memory", "memcpy")
    return rate
  }

  /// The ring loop in C, with a drain thread beside it.
  ///
  /// - Returns: nanoseconds a record.
  func ringLoop(
    producers: UInt32 = 1,
    recordByteCount: Int = 64,
    ringByteCount: Int = 64 << 20,
    records: Int = 5_000_000
  ) throws -> Double {
    var nanoseconds = 0.0
    let result = unsafe climits_ring_loop(
      producers,
      recordByteCount,
      ringByteCount,
      UInt64(scale.count(records)),
      &nanoseconds
    )
    try Self.check(result, "run the ring loop", "memory")
    return nanoseconds
  }

  /// A 4 KiB write and an fdatasync for each of `files` files, one after another.
  ///
  /// - Returns: seconds of each time around.
  func manyFiles(_ files: UInt32 = 256, repeats: UInt32) throws -> [Double] {
    var times = [Double](repeating: 0, count: Int(repeats))
    let result = unsafe climits_many_files(directory, files, repeats, &times)
    try Self.check(result, "write to \(files) files", directory)
    return times
  }
}
