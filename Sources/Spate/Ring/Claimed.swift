/// Bytes of the ring that belong to one producer until it publishes them.
///
/// Trivially destroyed: whoever holds one must publish or abandon it, or everything behind it waits.
@safe
struct Claimed: ~Copyable {
  // SAFETY: `start` points at `byteCount` bytes of a chunk that cannot be recycled before they are published.
  /// The first byte: the stamp of the first frame.
  let start: UnsafeMutableRawPointer
  let byteCount: Int
  /// The position of `start`.
  let position: UInt64
  /// The sequence of the first record.
  let sequence: UInt64
  let salt: UInt64
  let chunk: Chunk
}

/// What became of an attempt to claim.
enum ClaimOutcome: ~Copyable {
  case claimed(Claimed)
  /// No memory, or no prepared segment, for now: ``Ring/changed`` is signalled when that may have changed.
  case backPressured
  case refused(Ring.Refusal)
}
