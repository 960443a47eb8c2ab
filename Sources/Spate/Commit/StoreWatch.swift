import CSpate
import Glibc
import Synchronization

/// Notices that the directory of an open store was deleted, or that another store was put in its place: what is appended
/// from then on would be gone with the last descriptor, or be looked for in vain.
///
/// Who commits asks for a look, and the housekeeper takes it soon after; an idle store is left alone. Moving the
/// directory is no loss: the store is the directory, whatever its name. Any thread.
final class StoreWatch: Sendable {
  /// What stands at a path.
  private enum Seen: Equatable {
    case file(device: UInt64, number: UInt64)
    case nothing
    /// The kernel does not say, which proves nothing.
    case unknown
  }

  /// How soon after a commit the directory is looked at.
  static let delayNanoseconds: UInt64 = 100_000_000

  /// Keeps the descriptor of the directory open.
  private let storage: SystemStorage
  /// The lock's file. Its owner holds it open, so nothing else gets its number.
  private let lock: Seen
  /// Where that stood when the store was opened; nil where the kernel does not say.
  private let path: String?
  private let isAsked = Atomic<Bool>(false)
  private let found = Mutex<SpateError?>(nil)

  /// Watches the store that `storage` holds. With the store's lock.
  init(_ storage: SystemStorage) {
    self.storage = storage
    lock = Self.see(storage.rootDescriptor, StoreLayout.lockName)
    path = Self.path(of: storage.rootDescriptor).map { $0 + "/" + StoreLayout.lockName }
  }

  /// What has become of the store; nil while it is there.
  var loss: SpateError? { found.withLock { $0 } }

  /// Asks for a look. True for the first who does since the last one: it is for him to see that it is taken.
  func ask() -> Bool {
    // ORDERING: acquiring and releasing, pairs with the exchange in `look`: what was committed too late to be covered
    // by a look asks for the next one.
    !isAsked.load(ordering: .relaxed) && !isAsked.exchange(true, ordering: .acquiringAndReleasing)
  }

  /// Looks at the directory, unless it is known to be gone. Returns what was lost. Housekeeper.
  func look() -> SpateError? {
    _ = isAsked.exchange(false, ordering: .acquiringAndReleasing)
    guard let loss = loss ?? examine() else { return nil }
    found.withLock { $0 = loss }
    return loss
  }

  private func examine() -> SpateError? {
    let own = Self.see(storage.rootDescriptor, StoreLayout.lockName)
    if own != lock, own != .unknown {
      return SpateError(
        .notFound,
        "the store's files were deleted or replaced while it was open: what was appended since then is lost; "
          + "reopen the store, and keep others from its directory",
        path: path
      )
    }
    // A path that leads nowhere now: the directory was moved, or this process sees other directories than before.
    guard let path, case .file = lock, case .file = Self.see(AT_FDCWD, path), Self.see(AT_FDCWD, path) != lock
    else {
      return nil
    }
    return SpateError(
      .notFound,
      "another store was put in the place of the one that is open, which was moved away with all that was appended to it; "
        + "reopen the store, and keep others from its directory",
      path: path
    )
  }

  private static func see(_ directory: Int32, _ path: String) -> Seen {
    var device: UInt64 = 0
    var number: UInt64 = 0
    switch unsafe spate_identity_at(directory, path, &device, &number) {
    case 0: return .file(device: device, number: number)
    case -ENOENT, -ENOTDIR: return .nothing
    default: return .unknown
    }
  }

  /// The absolute path of an open directory.
  private static func path(of descriptor: Int32) -> String? {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
      // SAFETY: the path is terminated within the buffer, and copied here.
      guard unsafe spate_descriptor_path(descriptor, buffer.baseAddress, buffer.count) > 0,
        let start = buffer.baseAddress
      else { return nil }
      return unsafe String(cString: start)
    }
  }
}
