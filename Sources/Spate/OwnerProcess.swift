import CSpate

/// The process that opened a store. A child that was forked from it has a copy of all memory and of the descriptors, with
/// the lock, but neither the committer nor the housekeeper: what it waited for would never come.
struct OwnerProcess: Sendable {
  private let identifier = spate_process_identifier()

  /// Whether the caller runs in this process.
  var isCurrent: Bool { spate_process_identifier() == identifier }

  /// Throws `closed` in a forked child.
  func check() throws(SpateError) {
    guard !isCurrent else { return }
    throw SpateError(
      .closed,
      "this process was forked from \(identifier), which alone can use the store: open another here, or fork before opening"
    )
  }
}
