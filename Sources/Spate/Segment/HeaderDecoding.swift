/// What a header sector turned out to be.
enum HeaderDecoding<Value: Equatable & Sendable>: Equatable, Sendable {
  /// Magic, checksum and version are right.
  case valid(Value)
  /// All zeros: never written.
  case blank
  /// Whole, but written by a newer format or with features that this library does not know.
  case unsupported(version: UInt32, requiredFeatures: UInt64)
  /// Anything else.
  case damaged

  /// The value, where there is one.
  var value: Value? {
    if case .valid(let value) = self { return value }
    return nil
  }
}
