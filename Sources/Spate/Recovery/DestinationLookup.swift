/// Finds what transactions in other queues' logs acknowledged for the cursors of one that is being recovered.
struct DestinationLookup {
  /// Where the store is.
  let storage: any Storage
  /// Whether nothing may be changed.
  let isReadOnly: Bool
  /// The queues that are open, which know best.
  var open: OpenQueues?

  /// The newest acknowledgement of each cursor of `source` in the logs of `destinations`, and how many of those
  /// could not be asked.
  ///
  /// A destination that is gone is none: its drop left everything in slots.
  func acknowledgements(
    of source: QueueIdentifier,
    in destinations: Set<QueueIdentifier>
  ) throws(SpateError) -> (found: [Acknowledgement], unreadableCount: Int) {
    var left = destinations
    var found: [Acknowledgement] = []
    for destination in destinations {
      guard let core = open?[destination] else { continue }
      left.remove(destination)
      found += Self.filter(core.state.acknowledgements, source)
    }
    guard !left.isEmpty else { return (found, 0) }
    var unreadableCount = 0
    for name in try storage.contents(ofDirectory: StoreLayout.queuesName) where StoreLayout.isQueueName(name)
    {
      let directory = StoreLayout.directory(ofQueue: name)
      guard let manifest = try? QueueManifest.load(from: storage, directory: directory),
        left.remove(manifest.queueIdentifier) != nil
      else { continue }
      do throws(SpateError) {
        let recovered = try QueueRecovery.run(
          storage: storage,
          directory: directory,
          manifest: manifest,
          isReadOnly: isReadOnly
        )
        found += Self.filter(recovered.content.acknowledgements, source)
      } catch {
        // What another process still writes is waited for by who opens again; what is damaged is told.
        if error.code == .locked { throw error }
        unreadableCount += 1
      }
      if left.isEmpty { break }
    }
    return (found, unreadableCount)
  }

  private static func filter(
    _ acknowledgements: [CursorReference: Acknowledgement],
    _ source: QueueIdentifier
  ) -> [Acknowledgement] {
    acknowledgements.filter { $0.key.queue == source }.map(\.value)
  }
}
