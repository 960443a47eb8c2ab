/// The key of each record of the demo: who appended it, and as which of its records.
///
///     offset  size  field
///          0     1  producer
///          1     8  number, big-endian
struct DemoKey: Equatable {
  static let byteCount = 9

  var producer: UInt64
  var number: UInt64

  /// Puts the bytes in place of those of `buffer`.
  func write(to buffer: inout [UInt8]) {
    buffer.removeAll(keepingCapacity: true)
    buffer.append(UInt8(truncatingIfNeeded: producer))
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      buffer.append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }

  init(producer: UInt64, number: UInt64) {
    self.producer = producer
    self.number = number
  }

  /// Nil for what is no such key.
  init?(_ bytes: RawSpan) {
    guard bytes.byteCount == Self.byteCount else { return nil }
    // SAFETY: nine bytes are there, and any bytes are a number.
    producer = unsafe UInt64(bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self))
    number = unsafe UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 1, as: UInt64.self))
  }
}
