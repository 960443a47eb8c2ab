/// A store whose segments are used again, warmed up, so that a round finds the steady state.
final class LoadBed: Sendable {
  /// The queue to append to.
  let queue: EngineQueue

  private let store: EngineStore
  private let path: String

  /// What a bed keeps, unless it is told otherwise.
  static let retainedByteCount: UInt64 = 1 << 30

  /// Bytes that a bed takes on the disk: what is kept, segments that are prepared or not trimmed yet, padding.
  static func byteCount(_ scale: BenchScale) -> UInt64 { scale.bytes(retainedByteCount) * 2 + 768 << 20 }

  /// Makes the store and goes once round its log, so that every segment of the measured rounds has been used before.
  init(
    _ context: BenchContext,
    name: String,
    storeSettings: EngineStoreSettings = EngineStoreSettings(),
    retainedByteCount: UInt64 = LoadBed.retainedByteCount
  ) throws {
    try context.step("filling a log")
    let retained = context.scale.bytes(retainedByteCount)
    path = try context.emptyDirectory(name)
    store = try EngineStore.open(at: path, settings: storeSettings)
    queue = try store.queue(named: "bench", settings: EngineQueueSettings(retainedByteCount: retained))
    _ = try Load().run(on: queue, seconds: 60, byteCountLimit: retained * 5 / 4)
    try context.checkInterruption()
  }

  /// Closes the store and removes it. The store lives until then: call it in a `defer`.
  func close() {
    try? store.close()
    TemporaryDirectory.remove(path)
  }
}
