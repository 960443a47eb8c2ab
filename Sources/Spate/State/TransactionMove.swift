/// The move of a named cursor's place by a transaction, from the moment it was claimed until it is durable.
struct TransactionMove: Sendable {
  /// The queue of the cursor.
  let source: QueueCore
  let place: NamedPlace
  /// Everything below this is acknowledged by the transaction.
  let sequence: UInt64
  let ordinal: UInt64
  /// How many truncations of the source the acknowledgement knows of.
  let truncationCount: UInt64

  /// Moves the place: the transaction is durable.
  func finish() { source.named.finish(self) }
}
