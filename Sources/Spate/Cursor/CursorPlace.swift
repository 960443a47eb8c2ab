import Synchronization

/// Where one cursor stands, for those who only want to know roughly: statistics and retention.
///
/// Written by the cursor when it enters a chunk, a window or the end of what it may see; read by any thread.
final class CursorPlace: Sendable {
  private let word: Atomic<UInt64>

  init(sequence: UInt64) { word = Atomic(sequence) }

  /// The sequence that the cursor reads next, or one that it has passed within the current chunk or window.
  var sequence: UInt64 {
    // ORDERING: relaxed both ways: the number carries nothing but itself.
    get { word.load(ordering: .relaxed) }
    set { word.store(newValue, ordering: .relaxed) }
  }
}
