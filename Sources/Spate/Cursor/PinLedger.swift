import Synchronization

/// How many bytes of the ring's buffers cursors and batches of one store hold: at most half of the memory
/// budget.
///
/// A chunk counts once, however many hold it. Asked once a chunk by each cursor; any thread.
final class PinLedger: Sendable {
  private struct State {
    var holders: [UInt: Int] = [:]
    var byteCount = 0
  }

  /// The bound in bytes.
  let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = limit }

  /// Bytes held now.
  var byteCount: Int { state.withLock { $0.byteCount } }

  /// Books a pin that was taken. False when it would exceed the bound: the caller gives the pin back and
  /// reads otherwise.
  func take(_ chunk: Chunk) -> Bool {
    let bytes = chunk.bufferByteCount
    return state.withLock { state in
      if let count = state.holders[chunk.bits] {
        state.holders[chunk.bits] = count + 1
        return true
      }
      guard state.byteCount + bytes <= limit else { return false }
      state.byteCount += bytes
      state.holders[chunk.bits] = 1
      return true
    }
  }

  /// Takes a booked pin off the books, before it is given back.
  func giveBack(_ chunk: Chunk) {
    let bytes = chunk.bufferByteCount
    state.withLock { state in
      guard let count = state.holders[chunk.bits] else { return }
      state.holders[chunk.bits] = count > 1 ? count - 1 : nil
      if count == 1 { state.byteCount -= bytes }
    }
  }
}
