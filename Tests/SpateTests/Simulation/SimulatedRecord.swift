import Glibc

/// What one append of a simulation carries: bytes that follow from its number, so that any record that is read can
/// be told from all others.
struct SimulatedRecord: Equatable {
  var identity: UInt64
  var byteCount: Int

  private static let noise: [UInt8] = {
    var bytes = [UInt8](repeating: 0, count: 128 << 10)
    let random = SeededRandom(seed: 7)
    for index in stride(from: 0, to: bytes.count, by: 8) {
      let word = random.next()
      for byte in 0..<8 { bytes[index + byte] = UInt8(truncatingIfNeeded: word >> (8 * UInt64(byte))) }
    }
    return bytes
  }()

  private var start: Int { Int(identity &* 613 % UInt64(64 << 10)) }

  /// The payload.
  var payload: [UInt8] {
    var bytes = Array(Self.noise[start..<(start + byteCount)])
    unsafe bytes.withUnsafeMutableBytes { bytes in
      unsafe withUnsafeBytes(of: identity) { identity in
        unsafe bytes.copyBytes(from: identity.prefix(min(8, bytes.count)))
      }
    }
    return bytes
  }

  /// Whether a payload is this record's.
  func matches(_ payload: RawSpan) -> Bool {
    guard payload.byteCount == byteCount else { return false }
    let wanted = self.payload
    return unsafe payload.withUnsafeBytes { found in
      unsafe wanted.withUnsafeBytes { wanted in
        guard let found = found.baseAddress, let wanted = wanted.baseAddress else { return true }
        return unsafe memcmp(found, wanted, byteCount) == 0
      }
    }
  }
}
