import Synchronization

/// How many bytes of segment files a store's queues have, for its quota. Any thread.
final class StoreUsage: Sendable {
  private struct State {
    var byteCounts: [String: UInt64] = [:]
    var total: UInt64 = 0
  }

  private let state = Mutex(State())

  /// Bytes of all queues.
  var total: UInt64 { state.withLock { $0.total } }

  /// Notes what the queues on the disk have, before they are opened.
  func measure(_ storage: any Storage) throws(SpateError) {
    for name in try storage.contents(ofDirectory: StoreLayout.queuesName) where StoreLayout.isQueueName(name)
    {
      let directory = StoreLayout.directory(ofQueue: name)
      var byteCount: UInt64 = 0
      for file in try storage.contents(ofDirectory: directory) where Format.segmentNumber(inName: file) != nil
      {
        let opened = try storage.open(directory + "/" + file, .read)
        defer { storage.close(opened) }
        byteCount += try storage.byteCount(of: opened)
      }
      set(byteCount, ofQueue: name)
    }
  }

  /// Notes what a queue has now.
  func set(_ byteCount: UInt64, ofQueue name: String) {
    state.withLock { state in
      let before = state.byteCounts.updateValue(byteCount, forKey: name) ?? 0
      state.total = state.total - before + byteCount
    }
  }

  /// Forgets a queue that is gone.
  func remove(_ name: String) {
    state.withLock { state in state.total -= state.byteCounts.removeValue(forKey: name) ?? 0 }
  }
}
