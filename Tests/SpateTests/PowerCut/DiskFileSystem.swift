import Testing

/// A file system that is made on a disk of the rig.
enum DiskFileSystem: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case ext4, xfs, btrfs

  var testDescription: String { rawValue }

  /// What makes it on the device that comes behind.
  var makingCommand: [String] {
    switch self {
    case .ext4: ["mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0"]
    case .xfs: ["mkfs.xfs", "-q", "-f", "-K"]
    case .btrfs: ["mkfs.btrfs", "-q", "-f", "-K"]
    }
  }

  /// Copies of one file system are mounted beside each other: XFS has to be told that this is meant.
  var mountOptions: String { self == .xfs ? "nouuid" : "" }
}
