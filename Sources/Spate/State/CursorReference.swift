/// Names a cursor of any queue of the store.
struct CursorReference: Hashable, Sendable {
  /// The cursor's queue.
  var queue: QueueIdentifier
  /// The cursor.
  var cursor: CursorIdentifier
}
