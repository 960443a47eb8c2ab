import Synchronization

/// How many bytes of the ring's buffers cursors and batches of one store hold: at most half of the memory
/// budget.
///
/// A chunk counts once, however many hold it: its descriptor counts the holders, and only the first and the last of them
/// come to the ledger. Asked once a chunk by each cursor, which at full speed is thousands of times a second; any
/// thread, without a lock.
///
/// INVARIANT: what is booked never exceeds the limit. Between the last give-back and the next first take of a chunk
/// it may count twice for a moment, never not at all.
final class PinLedger: Sendable {
  /// The bound in bytes.
  let limit: Int
  private let booked = Atomic<Int>(0)

  init(limit: Int) { self.limit = limit }

  /// Bytes held now.
  var byteCount: Int {
    // ORDERING: relaxed: a count; the bytes themselves are kept by the pins.
    booked.load(ordering: .relaxed)
  }

  /// Books a pin that was taken. False when it would exceed the bound: the caller gives the pin back and
  /// reads otherwise.
  func take(_ chunk: Chunk) -> Bool {
    while true {
      if chunk.joinHolders() { return true }
      guard book(chunk.bufferByteCount) else { return false }
      if chunk.beFirstHolder() { return true }
      // Somebody else was first, and booked it.
      booked.wrappingSubtract(chunk.bufferByteCount, ordering: .relaxed)
    }
  }

  /// Takes a booked pin off the books, before it is given back.
  func giveBack(_ chunk: Chunk) {
    guard chunk.leaveHolders() else { return }
    booked.wrappingSubtract(chunk.bufferByteCount, ordering: .relaxed)
  }

  private func book(_ byteCount: Int) -> Bool {
    var seen = booked.load(ordering: .relaxed)
    while seen + byteCount <= limit {
      let (done, now) = booked.weakCompareExchange(
        expected: seen,
        desired: seen + byteCount,
        ordering: .relaxed
      )
      if done { return true }
      seen = now
    }
    return false
  }
}
