import Glibc

/// What this process has used so far.
struct ProcessUsage: Sendable {
  /// User and system time of all threads.
  var cpuSeconds: Double
  /// Bytes that it had the kernel store, without the file system's own journal; nil when the kernel does not tell.
  var deviceByteCount: UInt64?

  /// Reads the counters.
  static func now() -> ProcessUsage {
    var usage = rusage()
    guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else {
      return ProcessUsage(cpuSeconds: 0)
    }
    let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
    return ProcessUsage(
      cpuSeconds: seconds + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
      deviceByteCount: TextFile.number(of: "write_bytes:", in: "/proc/self/io")
    )
  }

  /// Bytes that it had the kernel fetch from a disk; nil when the kernel does not tell.
  static var deviceReadByteCount: UInt64? { TextFile.number(of: "read_bytes:", in: "/proc/self/io") }

  /// Resident memory now and at its peak, in bytes, from /proc/self/status.
  static func residentMemory() -> (current: Int, peak: Int) {
    func value(_ key: String) -> Int { Int(TextFile.number(of: key, in: "/proc/self/status") ?? 0) * 1024 }
    return (value("VmRSS:"), value("VmHWM:"))
  }

  /// Sets the peak back to what is resident now.
  static func resetPeakResidentMemory() {
    TextFile.write("5", to: "/proc/self/clear_refs")
  }
}
