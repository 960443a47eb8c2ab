import Glibc

/// The lines of a file as records, again from the first one behind the last.
struct LineRecords: Sendable {
  /// How much of a file is used.
  static let byteLimit = 64 << 20
  /// The longest line.
  static let lineLimit = 1 << 20

  private let bytes: [UInt8]
  private let lines: [Range<Int>]

  /// Reads the beginning of a file: at most ``byteLimit`` bytes, whole lines only.
  init(path: String) throws {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CommandFailure.system("open the file", path) }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: Self.byteLimit)
    var filled = 0
    while filled < bytes.count {
      let count = unsafe bytes[filled...].withUnsafeMutableBytes {
        unsafe read(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw CommandFailure.system("read", path) }
      if count == 0 { break }
      filled += count
    }
    let isWhole = filled < bytes.count
    bytes.removeLast(bytes.count - filled)
    self.bytes = bytes
    lines = Self.lines(of: bytes, keepingLast: isWhole)
    guard !lines.isEmpty else {
      throw CommandFailure.failed("there is no line to replay; name a file with lines of text [\(path)]")
    }
    guard lines.allSatisfy({ $0.count <= Self.lineLimit }) else {
      throw CommandFailure.failed("a line has more than \(Self.lineLimit) bytes; take another file [\(path)]")
    }
  }

  /// How long a record is in the mean.
  var meanByteCount: Int { bytes.count / lines.count }

  /// Puts a record's bytes behind those of `buffer`.
  func append(producer: UInt64, number: UInt64, to buffer: inout [UInt8]) {
    let line = lines[Int((number * DemoPlan.producerCount + producer) % UInt64(lines.count))]
    buffer.append(contentsOf: bytes[line])
  }

  private static func lines(of bytes: [UInt8], keepingLast: Bool) -> [Range<Int>] {
    var lines: [Range<Int>] = []
    var start = 0
    while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      lines.append(start..<end)
      start = end + 1
    }
    if keepingLast, start < bytes.count { lines.append(start..<bytes.count) }
    return lines
  }
}
