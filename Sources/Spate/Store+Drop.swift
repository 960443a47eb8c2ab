extension Store {
  /// Removes a queue with all its records and cursors. Blocks on the disk; any thread.
  ///
  /// The queue is gone as a whole, durably, when this returns, and after a crash it is there as a whole or not at all. If it is
  /// open, its handles and cursors get `closed` from then on, also those that wait; records that are lent stay
  /// readable until they are released. What was appended and not durable is given up. A queue of the same name may
  /// be made at once.
  ///
  /// - Throws: `notFound`; `closed` when the store is; what the disk says when the queue could not be taken away: it
  ///   is closed then, and can be opened again.
  @available(*, noasync)
  public func drop(queueNamed name: String) throws(SpateError) {
    try StoreLayout.validate(queueName: name)
    let directory = StoreLayout.directory(ofQueue: name)
    let grave =
      StoreLayout.queuesName + "/" + StoreLayout.droppedPrefix
      + String(UInt64.drawn(from: 0...(.max)), radix: 16)
    try whileNobodyOpens(name) { (core, storage) throws(SpateError) in
      let kind = try storage.kind(of: directory)
      guard core != nil || kind == .directory else {
        throw SpateError(.notFound, "there is no such queue; check the name", path: directory)
      }
      try keepAcknowledgements(in: core, directory: directory, storage: storage)
      core?.drop()
      // The rename is the drop: before it the queue is there, after it the name is free.
      try storage.rename(directory, to: grave)
      try storage.syncDirectory(StoreLayout.queuesName)
      if let core { engine.openQueues.remove(core.identifier) }
    }
    // What cannot be removed now goes when the store is opened again.
    try? engine.storage.removeTree(grave)
  }

  /// Saves what transactions into a queue acknowledged for cursors of others, before its log goes. While nobody
  /// opens a queue. A queue that cannot be read is passed over: its records are delivered again, should it be repaired.
  private func keepAcknowledgements(
    in core: QueueCore?,
    directory: String,
    storage: any Storage
  ) throws(SpateError) {
    // One that cannot be read is to be dropped all the same.
    let acknowledgements =
      core?.state.acknowledgements
      ?? (try? QueueRecovery.run(storage: storage, directory: directory))?.content.acknowledgements ?? [:]
    var left = Set(acknowledgements.keys.map(\.queue))
    for source in left {
      guard let open = engine.openQueues[source], open !== core else { continue }
      left.remove(source)
      if !open.isDropped { try open.named.save() }
    }
    guard !left.isEmpty else { return }
    let lookup = DestinationLookup(storage: storage, isReadOnly: false, open: engine.openQueues)
    for name in try storage.contents(ofDirectory: StoreLayout.queuesName) where StoreLayout.isQueueName(name)
    {
      let other = StoreLayout.directory(ofQueue: name)
      guard other != directory, let manifest = try? QueueManifest.load(from: storage, directory: other),
        left.contains(manifest.queueIdentifier)
      else { continue }
      do throws(SpateError) {
        try QueueRecovery.run(storage: storage, directory: other, manifest: manifest, destinations: lookup)
          .savePlaces(storage: storage, directory: other)
      } catch {
        guard error.code == .corrupt || error.code == .unsupportedFormat else { throw error }
      }
    }
  }
}

extension Storage {
  /// Removes what is left of queues that were dropped before a crash.
  func removeDroppedQueues() {
    for name in (try? contents(ofDirectory: StoreLayout.queuesName)) ?? []
    where name.hasPrefix(StoreLayout.droppedPrefix) {
      try? removeTree(StoreLayout.queuesName + "/" + name)
    }
  }

  /// Removes a directory with everything in it. Others may be at it, too: what is gone already is no failure.
  func removeTree(_ path: String) throws(SpateError) {
    for name in try contents(ofDirectory: path) {
      let child = path + "/" + name
      if try kind(of: child) == .directory { try removeTree(child) } else { try removeIfThere(child) }
    }
    try removeIfThere(path)
  }

  private func removeIfThere(_ path: String) throws(SpateError) {
    do throws(SpateError) { try remove(path) } catch {
      guard error.code == .notFound else { throw error }
    }
  }
}
