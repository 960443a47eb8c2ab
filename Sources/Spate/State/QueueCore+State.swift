// Waiting for what the queue keeps beside its records.
extension QueueCore {
  /// Returns once every transaction that was committed to the queue is durable, and its places are moved. Blocks.
  func waitForTransactions(until deadline: Int64) throws(SpateError) {
    try watermarks.wait(.durablePosition, for: state.notesEnd, until: deadline)
    state.settle()
  }

  /// Lets transactions that were committed become durable, for a close; what fails shows there.
  func finishTransactions() { try? waitForTransactions(until: -1) }
}
