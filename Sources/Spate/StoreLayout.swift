import CSpate
import Glibc

/// Where things stand in a store's directory, and the checks before anything in it is touched.
struct StoreLayout {
  static let manifestName = "spate.store"
  static let lockName = "spate.lock"
  static let queuesName = "queues"
  /// What the directory of a queue that was dropped begins with, until it is removed.
  static let droppedPrefix = ".dropped-"
  static let magic: UInt64 = 0x524F_5453_4554_4150

  let path: String
  let isNew: Bool

  /// Looks at `path` without changing an existing directory.
  static func examine(_ path: String, mayCreate: Bool) throws(SpateError) -> StoreLayout {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw SpateError(.invalidArgument, "the path of a store must not be empty or hold a zero byte")
    }
    let kind = unsafe spate_kind(AT_FDCWD, path)
    if kind < 0 { throw SpateError.system(-kind, .inspect, path: path) }
    switch kind {
    case Int32(SPATE_KIND_NONE):
      guard mayCreate else {
        throw SpateError(.notFound, "there is no store; check the path, or let it be made", path: path)
      }
      try SystemStorage.createRoot(path)
      return StoreLayout(path: path, isNew: true)
    case Int32(SPATE_KIND_DIRECTORY): break
    default:
      throw SpateError(
        .wrongKind,
        "a store is a directory, and this is none; choose another path",
        path: path
      )
    }
    let manifest = path + "/" + manifestName
    let found = unsafe spate_kind(AT_FDCWD, manifest)
    if found == Int32(SPATE_KIND_FILE) {
      try checkManifest(manifest)
      return StoreLayout(path: path, isNew: false)
    }
    let names = try directoryNames(path)
    let leftovers: Set<String> = [lockName, queuesName, manifestName + ".new"]
    guard names.allSatisfy(leftovers.contains) else {
      throw SpateError(
        .wrongKind,
        "the directory holds other things and no store; choose an empty or new directory",
        path: path
      )
    }
    let queues = path + "/" + queuesName
    let queuesKind = unsafe spate_kind(AT_FDCWD, queues)
    guard queuesKind == Int32(SPATE_KIND_NONE) || queuesKind == Int32(SPATE_KIND_DIRECTORY) else {
      throw SpateError(.wrongKind, "this should be a directory; choose an empty or new one", path: queues)
    }
    guard mayCreate else {
      throw SpateError(
        .notFound,
        "there is no store in this directory; check the path, or let it be made",
        path: path
      )
    }
    return StoreLayout(path: path, isNew: true)
  }

  /// Looks at the store that a storage holds, if there is one, without changing anything.
  static func examine(_ storage: any Storage) throws(SpateError) -> StoreLayout {
    guard try storage.kind(of: manifestName) != nil else { return StoreLayout(path: ".", isNew: true) }
    let file = try storage.open(manifestName, .read)
    defer { storage.close(file) }
    let sector = BlockBuffer(byteCount: Format.sectorByteCount, alignment: Format.minimumBlockByteCount)
    let count = try unsafe storage.read(file, into: sector.bytes, at: 0)
    try unsafe checkManifest(UnsafeRawBufferPointer(sector.bytes), count: count, path: manifestName)
    return StoreLayout(path: ".", isNew: false)
  }

  /// Why the manifest of the store at `path` cannot be read; nil when it can. Throws when there is no store.
  static func damage(of path: String) throws(SpateError) -> SpateError? {
    do throws(SpateError) {
      _ = try examine(path, mayCreate: false)
      return nil
    } catch {
      guard error.code == .corrupt else { throw error }
      return error
    }
  }

  /// Writes what a new store lacks. With the lock held.
  func complete(storage: any Storage) throws(SpateError) {
    // Whoever made the store may have come to its end before its directory was synced.
    guard isNew else { return try storage.syncDirectory(".") }
    try storage.createDirectory(Self.queuesName)
    var sector = [UInt8](repeating: 0, count: Format.sectorByteCount)
    unsafe sector.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      let writer = unsafe SectorWriter(base)
      writer.u64(0, Self.magic)
      writer.u32(8, Format.version)
      writer.finish()
    }
    try unsafe sector.span.bytes.withUnsafeBytes { (bytes) throws(SpateError) in
      try unsafe storage.replaceFile(Self.manifestName, in: ".", with: bytes)
    }
  }

  private static func checkManifest(_ path: String) throws(SpateError) {
    var sector = [UInt8](repeating: 0, count: Format.sectorByteCount)
    let descriptor = unsafe spate_openat(AT_FDCWD, path, 0)
    guard descriptor >= 0 else { throw SpateError.system(-descriptor, .open, path: path) }
    defer { spate_close(descriptor) }
    let count = unsafe sector.withUnsafeMutableBytes { bytes in
      unsafe spate_pread(descriptor, bytes.baseAddress, bytes.count, 0)
    }
    if count < 0 { throw SpateError.system(Int32(-count), .read, path: path) }
    try unsafe sector.span.bytes.withUnsafeBytes { (bytes) throws(SpateError) in
      try unsafe checkManifest(bytes, count: Int(count), path: path)
    }
  }

  /// SAFETY: `bytes` is a whole sector, of which `count` bytes were read.
  @unsafe
  private static func checkManifest(_ bytes: UnsafeRawBufferPointer, count: Int, path: String)
    throws(SpateError)
  {
    guard let base = bytes.baseAddress else { return }
    let reader = unsafe SectorReader(base)
    guard count == Format.sectorByteCount, reader.u64(0) == magic, reader.hasValidChecksum else {
      throw SpateError(.corrupt, "the store's manifest is damaged; restore it from a backup", path: path)
    }
    guard reader.u32(8) <= Format.version, reader.u64(16) & ~Format.knownRequiredFeatures == 0 else {
      throw SpateError(
        .unsupportedFormat,
        "the store has format \(reader.u32(8)); this library knows up to \(Format.version): use a newer one",
        path: path
      )
    }
  }

  private static func directoryNames(_ path: String) throws(SpateError) -> [String] {
    var stream: UnsafeMutableRawPointer?
    let error = unsafe spate_directory_open(AT_FDCWD, path, &stream)
    guard error >= 0, let stream = unsafe stream else {
      throw SpateError.system(-error, .list, path: path)
    }
    defer { unsafe spate_directory_close(stream) }
    var names: [String] = []
    var name: UnsafePointer<CChar>?
    while unsafe spate_directory_next(stream, &name) > 0, let name = unsafe name {
      let text = unsafe String(cString: name)
      if text != "." && text != ".." { names.append(text) }
    }
    return names
  }

  // MARK: Queues

  /// A queue's directory, relative to the store's.
  static func directory(ofQueue name: String) -> String { queuesName + "/" + name }

  static func isQueueName(_ name: String) -> Bool {
    let bytes = name.utf8
    return (1...200).contains(bytes.count) && bytes.first != UInt8(ascii: ".")
      && !bytes.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
  }

  /// Throws `invalidArgument` unless `name` may name a queue.
  static func validate(queueName name: String) throws(SpateError) {
    guard isQueueName(name) else {
      throw SpateError(
        .invalidArgument,
        "a queue's name must have 1 to 200 bytes of UTF-8, hold no '/' and no zero byte, and not begin with a dot",
        path: name
      )
    }
  }

  /// Makes a queue's directory and manifest, unless they are there.
  static func makeQueueIfMissing(
    _ directory: String,
    storage: any Storage,
    options: QueueOptions,
    clock: StoreClock
  ) throws(SpateError) {
    if try storage.kind(of: directory + "/" + Format.manifestName) != nil { return }
    guard options.createsIfMissing else {
      throw SpateError(
        .notFound,
        "there is no such queue; check the name, or let it be made",
        path: directory
      )
    }
    try storage.createDirectory(directory)
    let manifest = QueueManifest(
      baseSequence: options.baseSequence,
      createdTimestamp: clock.refresh(),
      queueIdentifier: .random()
    )
    try manifest.create(in: storage, directory: directory)
  }
}
