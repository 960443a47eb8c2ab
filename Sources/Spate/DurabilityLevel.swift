/// How far a record is when its append returns, and what a cursor may see.
public enum DurabilityLevel: UInt8, Sendable, CaseIterable {
  /// The record is in the ring: readable by cursors that follow `published`; lost with the process.
  case published
  /// The kernel has the bytes: survives the end of this process, not a power cut.
  case written
  /// A sync covered the record: survives a power cut.
  case durable
}
