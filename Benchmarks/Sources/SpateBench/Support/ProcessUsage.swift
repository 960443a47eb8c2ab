import Glibc

/// What this process has used so far.
struct ProcessUsage: Sendable {
  /// User and system time of all threads.
  var cpuSeconds: Double

  /// Reads the counters.
  static func now() -> ProcessUsage {
    var usage = rusage()
    guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else {
      return ProcessUsage(cpuSeconds: 0)
    }
    let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
    return ProcessUsage(cpuSeconds: seconds + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6)
  }

  /// Resident memory now and at its peak, in bytes, from /proc/self/status.
  static func residentMemory() -> (current: Int, peak: Int) {
    let lines = TextFile.read("/proc/self/status").split(separator: "\n")
    func value(_ key: String) -> Int {
      for line in lines where line.hasPrefix(key) {
        return
          (line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0)
          * 1024
      }
      return 0
    }
    return (value("VmRSS:"), value("VmHWM:"))
  }

  /// Sets the peak back to what is resident now.
  static func resetPeakResidentMemory() {
    TextFile.write("5", to: "/proc/self/clear_refs")
  }
}

/// Small text files of the kernel.
enum TextFile {
  /// The whole file, or nothing when it cannot be read.
  static func read(_ path: String) -> String {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      let count = unsafe Glibc.read(file, &piece, piece.count)
      guard count > 0 else { break }
      text += piece[..<count]
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Writes a word; a kernel that refuses it is left alone.
  static func write(_ text: String, to path: String) {
    let file = unsafe open(path, O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    defer { close(file) }
    let bytes = Array(text.utf8)
    _ = unsafe Glibc.write(file, bytes, bytes.count)
  }
}
