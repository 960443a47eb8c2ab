import Glibc

/// What a run was measured on.
struct BenchMachine: Sendable {
  var kernel: String
  var processor: String
  var processorCount: Int
  var memoryByteCount: UInt64
  var fileSystem: String
  var device: String
  /// How the engine talks to this disk.
  var io: String
  /// Nanoseconds since 1970 at which the run began.
  var date: UInt64

  /// Looks around.
  init(path: String, io: String) {
    kernel = TextFile.read("/proc/sys/kernel/osrelease").split(separator: "\n").first.map(String.init) ?? ""
    processor =
      TextFile.read("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
      .flatMap { $0.split(separator: ":").last }.map { String($0.drop { $0 == " " }) } ?? "unknown"
    processorCount = Int(Self.processorCount)
    memoryByteCount = UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))))
    (fileSystem, device) = Self.mount(of: path)
    self.io = io
    date = Timestamp.now
  }

  /// How many processors run.
  static var processorCount: Double { Double(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// The type and the device of the file system that holds a path.
  private static func mount(of path: String) -> (type: String, device: String) {
    var facts = stat()
    guard unsafe stat(path, &facts) == 0 else { return ("unknown", "unknown") }
    let device = UInt64(facts.st_dev)
    // As glibc's major() and minor(), which are macros.
    let major = device >> 8 & 0xFFF | device >> 32 & ~0xFFF
    let minor = device & 0xFF | device >> 12 & ~0xFF
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    let number = "\(major):\(minor)"
    for line in TextFile.read("/proc/self/mountinfo").split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count > 6, words[2] == number, let dash = words.firstIndex(of: "-"), words.count > dash + 2
      else { continue }
      return (String(words[dash + 1]), String(words[dash + 2]))
    }
    return ("unknown", "unknown")
  }

  /// Two lines.
  var text: String {
    """
    \(SpateCommand.configuration.version) on \(processor), \(processorCount) processors, \
    \(ByteCount.text(memoryByteCount)), Linux \(kernel)
    \(fileSystem) on \(device), \(io)
    """
  }

  var json: JSONValue {
    .object([
      ("kernel", .string(kernel)), ("processor", .string(processor)),
      ("processorCount", .number(UInt64(processorCount))), ("memoryBytes", .number(memoryByteCount)),
      ("fileSystem", .string(fileSystem)), ("device", .string(device)), ("io", .string(io)),
      ("date", .string(Timestamp.text(date))),
    ])
  }
}
