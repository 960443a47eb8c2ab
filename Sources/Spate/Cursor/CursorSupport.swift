import Synchronization

/// What all cursors of one open store share: the bound on their pins, and a thread for disk reads of
/// asynchronous code.
///
/// Kept alive by the cursors and batches that use it; every holder also holds the engine.
final class CursorSupport: Sendable {
  /// The pins of all cursors and batches.
  let pins: PinLedger
  /// Where asynchronous cursors read the disk.
  let disk = DiskReader()

  init(pinLimit: Int) { pins = PinLedger(limit: pinLimit) }

  private struct Weak { weak var support: CursorSupport? }

  private static let all = Mutex<[ObjectIdentifier: Weak]>([:])

  /// The one of an engine. Once a cursor.
  static func of(_ engine: Engine) -> CursorSupport {
    all.withLock { all in
      let key = ObjectIdentifier(engine)
      if let known = all[key]?.support { return known }
      all = all.filter { $0.value.support != nil }
      let support = CursorSupport(pinLimit: engine.pool.budget / 2)
      all[key] = Weak(support: support)
      return support
    }
  }
}
