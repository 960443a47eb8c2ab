import Synchronization

/// What all cursors of one open store share: the bound on their pins, and a thread for disk reads of
/// asynchronous code.
final class CursorSupport: Sendable {
  /// The pins of all cursors and batches.
  let pins: PinLedger
  /// Where asynchronous cursors read the disk.
  let disk = DiskReader()

  init(pinLimit: Int) { pins = PinLedger(limit: pinLimit) }
}
