/// A store whose segments are used again, warmed up, so that a round finds the steady state.
///
/// Where the engine does not trim, every round gets a new store instead and the log stays within the disk.
final class LoadBed {
  private let context: Context
  private let name: String
  private let storeSettings: EngineStoreSettings
  private let retainedByteCount: UInt64
  private var open: (store: EngineStore, queue: EngineQueue)?
  private var count = 0

  /// Prepares nothing yet.
  init(
    _ context: Context,
    name: String,
    storeSettings: EngineStoreSettings = EngineStoreSettings(),
    retainedByteCount: UInt64 = 2 << 30
  ) {
    self.context = context
    self.name = name
    self.storeSettings = storeSettings
    self.retainedByteCount = retainedByteCount
  }

  /// Runs a body on the queue of this bed.
  func withQueue<Result>(_ body: (EngineQueue) throws -> Result) throws -> Result {
    let queue = try open?.queue ?? make()
    return try body(queue)
  }

  /// Closes the store and removes it.
  func close() throws {
    guard let (store, _) = open else { return }
    open = nil
    try store.close()
    ScratchDirectory.remove(context.scratch.path("\(name)-\(count)"))
  }

  private func make() throws -> EngineQueue {
    count += 1
    let path = try context.scratch.emptyDirectory("\(name)-\(count)")
    let store = try EngineStore.open(at: path, settings: storeSettings)
    let queue = try store.queue(
      named: "bench",
      settings: EngineQueueSettings(retainedByteCount: retainedByteCount)
    )
    open = (store, queue)
    // Once round the log, so that every segment of the measured rounds has been used before.
    let warmUp = retainedByteCount * 3 / 2
    _ = try Load().run(on: queue, seconds: 60, byteCountLimit: warmUp)
    return queue
  }
}
