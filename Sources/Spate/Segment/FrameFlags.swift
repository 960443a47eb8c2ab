/// The bits of a frame header's flags byte.
struct FrameFlags: OptionSet, Hashable, Sendable {
  /// The byte in the frame header.
  let rawValue: UInt8

  /// Wraps a byte.
  @inline(__always)
  init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The next frame belongs to the same atomic batch.
  static let continues = FrameFlags(rawValue: 1)
  /// The frame is not the first of its batch.
  static let continued = FrameFlags(rawValue: 2)
}
