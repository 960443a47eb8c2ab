import Glibc

@testable import Spate

/// A small file system, mounted for one test where that is allowed; unmounted with the last reference.
final class SmallDisk {
  /// What stands on it: in memory, or on an image that a loop device shows to the kernel as a disk.
  enum FileSystem: Sendable, CaseIterable {
    case tmpfs, ext4, xfs

    /// About as small as it can be made, with some MiB to use.
    var byteCount: Int {
      switch self {
      case .tmpfs: 16 << 20
      case .ext4: 24 << 20
      case .xfs: 304 << 20
      }
    }

    /// Makes it on the image that comes behind.
    fileprivate var makingCommand: String {
      switch self {
      case .tmpfs: "true"
      case .ext4: "mkfs.ext4 -q -F -m 0"
      case .xfs: "mkfs.xfs -q -f"
      }
    }
  }

  let path: String

  /// Why there is none; nil when one can be mounted.
  static let refusal: String? = refusal(of: .tmpfs)

  /// Those that can be made and mounted here.
  static let fileSystems: [FileSystem] = FileSystem.allCases.filter { refusal(of: $0) == nil }

  private static func refusal(of fileSystem: FileSystem) -> String? {
    do {
      _ = try SmallDisk(fileSystem)
      return nil
    } catch {
      return "no \(fileSystem) can be mounted here: \(error)"
    }
  }

  /// - Parameter byteCount: the size of the disk; the file system's smallest when nil.
  init(_ fileSystem: FileSystem = .tmpfs, byteCount: Int? = nil) throws {
    var template = Array("/tmp/spate-disk-XXXXXX".utf8CString)
    unsafe mkdtemp(&template)
    path = unsafe template.withUnsafeBufferPointer {
      unsafe String(cString: $0.baseAddress.unsafelyUnwrapped)
    }
    let size = byteCount ?? fileSystem.byteCount
    guard fileSystem != .tmpfs else {
      guard unsafe mount("tmpfs", path, "tmpfs", 0, "size=\(size)") == 0 else {
        let error = errno
        unsafe rmdir(path)
        throw SpateError(.unsupported, "mount", systemErrorNumber: error)
      }
      return
    }
    // The image has no name once it is mounted, and goes with the loop device.
    let image = path + ".image"
    defer { unsafe unlink(image) }
    let isMounted = PowerCutTools.run(
      "truncate -s \(size) '\(image)' && \(fileSystem.makingCommand) '\(image)' && mount -o loop '\(image)' '\(path)'"
    )
    guard isMounted else {
      unsafe rmdir(path)
      throw SpateError(.unsupported, "\(fileSystem) cannot be made and mounted")
    }
  }

  deinit {
    unsafe umount2(path, Int32(MNT_DETACH))
    unsafe rmdir(path)
  }
}

/// A file that takes a disk's room until it is released.
final class Filler {
  private let path: String

  /// Takes every block, or leaves about so many bytes.
  init(_ directory: String, name: String = "filler", leaving left: UInt64 = 0) throws {
    path = directory + "/" + name
    let descriptor = unsafe open(path, O_CREAT | O_WRONLY, 0o666)
    if descriptor < 0, errno == ENOSPC, left == 0 { return }
    defer { close(descriptor) }
    var status = statvfs()
    unsafe fstatvfs(descriptor, &status)
    let free = UInt64(status.f_bavail) * UInt64(status.f_frsize)
    if free > left + (4 << 20) {
      guard posix_fallocate(descriptor, 0, off_t(free - left - (left == 0 ? 4 << 20 : 0))) == 0 else {
        throw SpateError(.ioFailed, "the disk has less room than it says")
      }
    }
    guard left == 0 else { return }
    lseek(descriptor, 0, SEEK_END)
    let block = [UInt8](repeating: 1, count: 4096)
    while unsafe write(descriptor, block, block.count) > 0 {}
    guard errno == ENOSPC else {
      throw SpateError(.ioFailed, "the disk is not full", systemErrorNumber: errno)
    }
  }

  deinit { unsafe unlink(path) }
}
