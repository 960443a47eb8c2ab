import Synchronization

/// Tells threads to come to an end.
final class StopFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  /// Whether it was set.
  var isSet: Bool {
    @inline(__always) get { flag.load(ordering: .relaxed) }
  }

  /// Sets it.
  func set() { flag.store(true, ordering: .relaxed) }
}
