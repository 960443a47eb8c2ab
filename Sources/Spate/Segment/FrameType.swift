/// What a frame is. A type that this library does not know is a valid frame without a sequence: a change that
/// must not be passed over needs a bit in the segment's required features.
struct FrameType: RawRepresentable, Hashable, Sendable {
  /// The byte in the frame header.
  let rawValue: UInt8

  /// Wraps a byte, known or not.
  @inline(__always)
  init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A caller's bytes: payload, key and headers. Takes a sequence.
  static let record = FrameType(rawValue: 1)
  /// The head of a chunk: where it stands and how far the log was durable when it was opened.
  static let chunk = FrameType(rawValue: 2)
  /// A claim that was given up. Takes a sequence; its body means nothing and is not checked.
  static let abandoned = FrameType(rawValue: 3)
  /// A named cursor's acknowledgement.
  static let acknowledgement = FrameType(rawValue: 4)
  /// A value of the queue's metadata: the key is its name, the payload its value; no payload removes it.
  static let metadata = FrameType(rawValue: 5)
  /// A new fencing epoch.
  static let fence = FrameType(rawValue: 6)
  /// Bytes that a repair gave up. Takes no sequence.
  static let void = FrameType(rawValue: 8)

  /// Whether a frame of this type takes one sequence.
  @inline(__always)
  var takesSequence: Bool { self == .record || self == .abandoned }

  /// Whether the frame changes what a checkpoint holds, so that recovery has to see it until one covers it.
  var isState: Bool { rawValue >= 4 && rawValue <= 6 }
}
