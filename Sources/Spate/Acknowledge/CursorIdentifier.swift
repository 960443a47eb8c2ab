/// Sixteen random bytes, given at a named cursor's creation: a cursor that is removed and made again is another one.
struct CursorIdentifier: Hashable, Sendable {
  /// Bytes 0..<8, as a little-endian integer.
  var high: UInt64
  /// Bytes 8..<16, as a little-endian integer.
  var low: UInt64

  /// Wraps two words.
  init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// A new identifier from the system's random source.
  static func random() -> CursorIdentifier {
    CursorIdentifier(high: .drawn(from: 1...(.max)), low: .drawn(from: 0...(.max)))
  }
}
