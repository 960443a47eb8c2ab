import Synchronization

/// The right to step a ``Committer``: its own thread's while that works, for a round that of a thread that waits.
///
/// Nobody sleeps for it but the committer's thread: who finds it taken leaves the work to the holder. Any thread. Begins as the committer's.
final class CommitTurn: Sendable {
  enum Holder: UInt32 {
    case nobody, committer, assistant
  }

  private let word = Atomic<UInt32>(Holder.committer.rawValue)

  /// Takes the turn if nobody has it. Returns who had it: `nobody` when it is the caller's now.
  func take(for holder: Holder) -> Holder {
    // ORDERING: acquire, pairs with the release in `leave`: what the last holder did is visible. Sequentially consistent
    // with what the caller stored before: who finds the turn taken is seen by the holder that looks after it left.
    let (_, found) = word.compareExchange(
      expected: Holder.nobody.rawValue,
      desired: holder.rawValue,
      ordering: .sequentiallyConsistent
    )
    return Holder(rawValue: found) ?? .nobody
  }

  /// Whether nobody had it when this was asked: a look that takes the line from no holder.
  var isFree: Bool {
    // ORDERING: relaxed: a hint; taking it decides.
    word.load(ordering: .relaxed) == Holder.nobody.rawValue
  }

  /// Gives the turn back. By its holder.
  func leave() { word.store(Holder.nobody.rawValue, ordering: .sequentiallyConsistent) }
}
