import Glibc

/// What goes wrong on a ``SimulatedDisk`` beside its power: each number counts down the operations of its kind.
struct SimulatedFaults {
  /// The write that fails with EIO.
  var failingWrite: Int?
  /// The sync that fails with EIO; of what it was to cover no later sync takes anything to the medium.
  var failingSync: Int?
  /// Whether the failed sync takes along what was not synced of all other files, as a device that loses its cache.
  var losesWholeCache = false
  /// Until when the disk is full, monotonic ns.
  var fullUntilNanoseconds: UInt64 = 0
  /// Whether a full disk refuses writes into room that was taken before, as a file system that copies on write.
  var fullRefusesWrites = false
  /// How many of a hundred asynchronous writes end short.
  var shortPercent = 0
  /// How many of a hundred calls are interrupted, or told to come again.
  var interruptedPercent = 0

  /// What an operation is, for its faults.
  enum Kind {
    case write, sync, allocate, other
  }

  /// The errno that an operation fails with now, or 0.
  mutating func next(_ kind: Kind, now: UInt64) -> Int32 {
    switch kind {
    case .write:
      if Self.count(&failingWrite) { return EIO }
      return fullRefusesWrites && now < fullUntilNanoseconds ? ENOSPC : 0
    case .sync: return Self.count(&failingSync) ? EIO : 0
    case .allocate: return now < fullUntilNanoseconds ? ENOSPC : 0
    case .other: return 0
    }
  }

  private static func count(_ left: inout Int?) -> Bool {
    guard let number = left else { return false }
    left = number > 0 ? number - 1 : nil
    return number == 0
  }
}
