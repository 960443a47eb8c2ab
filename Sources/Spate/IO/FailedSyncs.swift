import Synchronization

/// Counts the syncs of a storage that failed, whoever asked for them. Any thread.
///
/// A device that fails a flush may have dropped what other files wrote, too; their own syncs succeed later all the same.
/// So the committer looks here before it credits one.
final class FailedSyncs: Sendable {
  private let word = Atomic<Int>(0)

  /// How many there were. One acquiring load.
  var count: Int { word.load(ordering: .acquiring) }

  /// Runs a sync, and counts it when it fails for another reason than room.
  func counting(_ sync: () throws(SpateError) -> Void) throws(SpateError) {
    do throws(SpateError) { try sync() } catch {
      // ORDERING: release, pairs with the acquire above: whoever sees the count comes after the failure.
      if !error.mayPass { word.wrappingAdd(1, ordering: .releasing) }
      throw error
    }
  }
}
