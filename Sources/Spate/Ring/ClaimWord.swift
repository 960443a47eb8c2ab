/// The 64-bit word of a chunk on which producers race with one `fetch_add`.
///
///     63                              30 29                    9 8            0
///     ┌─────────────────────────────────┬───────────────────────┬──────────────┐
///     │ offset, in units of 8 bytes     │ sequences claimed     │ capacity     │
///     └─────────────────────────────────┴───────────────────────┴──────────────┘
///
/// Capacity is in units of 4 KiB; 0 means closed. It travels in the word because a producer that lost
/// must not read the descriptor: that may already stand for another piece of the log, with another
/// capacity, and the loser would take itself for a winner.
///
/// INVARIANT: every add that fits leaves offset and count exact. Adds after the one that closed the
/// chunk may carry from the count into the offset; both then only move further beyond the capacity.
struct ClaimWord {
  var bits: UInt64

  @inline(__always)
  init(bits: UInt64) { self.bits = bits }

  /// The word of an open chunk whose first `byteCount` bytes are taken and that has claimed no sequence.
  @inline(__always)
  init(openAt byteCount: Int, capacity: Int) {
    bits = UInt64(byteCount / Self.unit) << 30 | UInt64(capacity / Self.capacityUnit)
  }

  /// The word of a chunk that takes no claims: its offset lies beyond every capacity.
  static var closed: ClaimWord { ClaimWord(bits: 1 << 62) }

  /// What a claim of `byteCount` bytes (a multiple of 8) and `sequenceCount` sequences adds.
  @inline(__always)
  static func delta(byteCount: Int, sequenceCount: Int) -> UInt64 {
    UInt64(truncatingIfNeeded: byteCount) << 27 &+ UInt64(truncatingIfNeeded: sequenceCount) << 9
  }

  /// Bytes claimed before this word's reader.
  @inline(__always)
  var byteOffset: Int { Int(truncatingIfNeeded: (bits >> 30) << 3) }

  /// Sequences claimed before this word's reader.
  @inline(__always)
  var sequenceOffset: UInt64 { (bits >> 9) & ((1 << 21) - 1) }

  /// Capacity in bytes; 0 when closed.
  @inline(__always)
  var capacity: Int { Int(truncatingIfNeeded: bits & 0x1FF) &* Self.capacityUnit }

  static var unit: Int { 8 }
  static var capacityUnit: Int { 4096 }
  /// The largest chunk that takes claims; larger ones are runs, which open closed.
  static var maximalCapacity: Int { 511 * capacityUnit }
}
