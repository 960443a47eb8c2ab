import CSpateInterface
import Spate
import Synchronization

/// What a store's token stands for: the store, the handles of its queues, and how much of it is lent.
final class StoreBox: Sendable {
  let store: Store
  /// The open handles of queues.
  let queues = Mutex(OpenQueueBoxes())
  /// How many batches, views, claims and ranges are out; the top bit once the store is closed.
  private let lent = Atomic<UInt64>(0)
  private static var closed: UInt64 { 1 << 63 }
  /// The largest record or batch that the store takes.
  let maximalClaimByteCount: Int

  init(_ store: Store, options: StoreOptions) {
    self.store = store
    maximalClaimByteCount = options.maximalClaimByteCount
  }

  /// How many batches, views, claims and ranges are out.
  var lentCount: UInt64 { lent.load(ordering: .relaxed) & ~Self.closed }

  /// Counts something that will be lent.
  func lend() throws(SpateError) {
    // ORDERING: acquire and release: a close either sees the count, or is seen here.
    guard lent.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue & Self.closed == 0 else {
      takeBack()
      throw SpateError(.closed, "the store is closed; open it again")
    }
  }

  /// Ends what ``lend()`` began.
  func takeBack() { lent.wrappingSubtract(1, ordering: .acquiringAndReleasing) }

  /// Forbids lending.
  ///
  /// - Throws: `busy` while something is out.
  func stopLending() throws(SpateError) {
    let (exchanged, now) = lent.compareExchange(
      expected: 0,
      desired: Self.closed,
      ordering: .acquiringAndReleasing
    )
    guard !exchanged else { return }
    if now & Self.closed != 0 { throw SpateError(.closed, "the store is closed already") }
    throw SpateError(.busy, "\(now) batches, views, claims or ranges are out; release them first")
  }
}
