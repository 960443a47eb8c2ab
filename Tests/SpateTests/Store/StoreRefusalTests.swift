import CSpate
import Glibc
import Testing

@testable import Spate

/// What must be refused with a typed error, and leave everything as it was.
@Suite struct StoreRefusalTests {
  /// Makes a store with one queue of some records and closes it.
  private func filled() throws -> IOScratch {
    let scratch = IOScratch()
    let store = try Store.open(at: scratch.path)
    let queue = try store.queue(named: "events")
    for number in 0..<50 { try queue.append(CursorFixture.payload(number), level: .published) }
    try store.close()
    return scratch
  }

  /// Tries to open the store, and expects this code, a message that says what to do, and no change.
  private func expectRefusal(
    _ code: SpateError.Code,
    of path: String,
    in directory: String,
    queue: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try DirectorySnapshot(directory)
    let error = failure {
      let store = try Store.open(at: path)
      defer { try? store.close() }
      if let queue { _ = try store.queue(named: queue) }
    }
    #expect(error?.code == code, "\(error as Any)", sourceLocation: sourceLocation)
    #expect(error?.path != nil || code == .invalidArgument, sourceLocation: sourceLocation)
    var after = try DirectorySnapshot(directory)
    // An owner that got as far as the queue wrote its number into the lock file.
    if queue != nil { after = after.with("./" + StoreLayout.lockName, of: before) }
    #expect(after == before, sourceLocation: sourceLocation)
  }

  private func write(_ bytes: [UInt8], to path: String, at offset: Int = 0) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT, 0o644)
    _ = unsafe bytes.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, offset) }
    close(descriptor)
  }

  /// Gives a checksummed sector another version.
  private func makeNewer(_ path: String) throws {
    let root = path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
    let name = String(path.split(separator: "/").last ?? "")
    var sector = Array(try SystemStorage(root: root, readOnly: true).bytes(of: name).prefix(512))
    sector[8] = UInt8(Format.version + 1)
    let checksum = unsafe sector.withUnsafeBytes { unsafe spate_crc32c(0, $0.baseAddress, 508) }
    for index in 0..<4 { sector[508 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index)) }
    write(sector, to: path)
  }

  // MARK: Paths

  @Test func aPathThatIsNoDirectoryIsRefused() throws {
    let scratch = IOScratch()
    write([1, 2, 3], to: scratch.path + "/file")
    try expectRefusal(.wrongKind, of: scratch.path + "/file", in: scratch.path)
    try expectRefusal(.wrongKind, of: scratch.path + "/file/below", in: scratch.path)
    try expectRefusal(.invalidArgument, of: "", in: scratch.path)
    try expectRefusal(.invalidArgument, of: scratch.path + "/a\0b", in: scratch.path)
  }

  @Test func aForeignDirectoryIsLeftAlone() throws {
    let scratch = IOScratch()
    write(Array("somebody else's".utf8), to: scratch.path + "/notes.txt")
    try expectRefusal(.wrongKind, of: scratch.path, in: scratch.path)
  }

  @Test func aFileWhereADirectoryShouldBeIsRefused() throws {
    let scratch = try filled()
    write([1], to: scratch.path + "/queues/plain")
    try expectRefusal(.wrongKind, of: scratch.path, in: scratch.path, queue: "plain")
    let empty = IOScratch()
    write([1], to: empty.path + "/queues")
    try expectRefusal(.wrongKind, of: empty.path, in: empty.path)
  }

  @Test func aDirectoryWhereAFileShouldBeIsRefused() throws {
    let scratch = try filled()
    unsafe unlink(scratch.path + "/spate.lock")
    unsafe mkdir(scratch.path + "/spate.lock", 0o755)
    try expectRefusal(.wrongKind, of: scratch.path, in: scratch.path)
  }

  @Test func aDirectoryWithoutPermissionIsRefused() throws {
    let scratch = try filled()
    // Permissions mean nothing to root: the helper becomes somebody else first.
    guard geteuid() == 0 else {
      unsafe chmod(scratch.path, 0o500)
      defer { unsafe chmod(scratch.path, 0o700) }
      return try expectRefusal(.permissionDenied, of: scratch.path, in: scratch.path)
    }
    for mode: mode_t in [0o700, 0o755] {
      unsafe chmod(scratch.path, mode)
      let before = try DirectorySnapshot(scratch.path)
      let child = try ChildProcess(["open", "path=\(scratch.path)", "user=65534"])
      #expect(child.finish() == ["\(SpateError.Code.permissionDenied.rawValue)"])
      #expect(try DirectorySnapshot(scratch.path) == before)
    }
  }

  @Test(.enabled(if: ReadOnlyMount.isPossible, "only root may mount a read-only file system"))
  func aReadOnlyFileSystemIsRefused() throws {
    let scratch = try filled()
    let mount = try ReadOnlyMount(scratch.path)
    try expectRefusal(.permissionDenied, of: scratch.path, in: scratch.path)
    try expectRefusal(.permissionDenied, of: scratch.path + "/new", in: scratch.path)
    mount.end()
    try Store.open(at: scratch.path).close()
  }

  // MARK: Formats

  @Test func aStoreOfANewerFormatIsRefused() throws {
    let scratch = try filled()
    try makeNewer(scratch.path + "/spate.store")
    try expectRefusal(.unsupportedFormat, of: scratch.path, in: scratch.path)
  }

  @Test func aQueueOfANewerFormatIsRefusedAndTheOthersOpen() throws {
    let scratch = try filled()
    try makeNewer(scratch.path + "/queues/events/queue.manifest")
    try expectRefusal(.unsupportedFormat, of: scratch.path, in: scratch.path, queue: "events")
    let store = try Store.open(at: scratch.path)
    try store.queue(named: "other").append([1])
    try store.close()
  }

  @Test func aSegmentOfANewerFormatIsRefusedAndLeftAlone() throws {
    let scratch = try filled()
    let directory = scratch.path + "/queues/events"
    let segments = try SystemStorage(root: directory, readOnly: true).contents(ofDirectory: ".")
      .filter { $0.hasSuffix(".segment") }
    #expect(!segments.isEmpty)
    for name in segments { try makeNewer(directory + "/" + name) }
    try expectRefusal(.unsupportedFormat, of: scratch.path, in: scratch.path, queue: "events")
  }

  @Test func aDamagedStoreManifestIsRefused() throws {
    let scratch = try filled()
    write([0xFF], to: scratch.path + "/spate.store", at: 100)
    try expectRefusal(.corrupt, of: scratch.path, in: scratch.path)
    write([0xFF], to: scratch.path + "/spate.store", at: 0)
    try expectRefusal(.corrupt, of: scratch.path, in: scratch.path)
    unsafe truncate(scratch.path + "/spate.store", 100)
    try expectRefusal(.corrupt, of: scratch.path, in: scratch.path)
  }

  @Test func aDamagedQueueManifestIsRefused() throws {
    let scratch = try filled()
    write([0xFF], to: scratch.path + "/queues/events/queue.manifest", at: 70)
    try expectRefusal(.corrupt, of: scratch.path, in: scratch.path, queue: "events")
  }

  // MARK: Names and options

  @Test(arguments: [
    "", ".", "..", ".hidden", "a/b", "/", "../escape", "zero\0byte", String(repeating: "x", count: 201),
    String(repeating: "ü", count: 101),
  ])
  func aBadQueueNameIsRefused(name: String) throws {
    let scratch = try filled()
    try expectRefusal(.invalidArgument, of: scratch.path, in: scratch.path, queue: name)
  }

  @Test(arguments: [
    "a", "..a".replacing(".", with: "-"), "a.b", "Zürich ☂ 7", String(repeating: "x", count: 200), " ", "\n",
    "-rf",
  ])
  func anyOtherNameIsAQueue(name: String) throws {
    let fixture = try StoreFixture()
    try fixture.store.queue(named: name).append([9])
    #expect(try fixture.store.queueNames.contains(name))
    try fixture.reopen()
    #expect(try fixture.store.queue(named: name).readAll().map(\.payload) == [[9]])
  }

  @Test func optionsOutOfRangeAreRefusedBeforeAnythingIsMade() throws {
    let scratch = IOScratch()
    let changes: [(inout StoreOptions) -> Void] = [
      { $0.memoryBudgetByteCount = (4 << 20) - 1 }, { $0.memoryBudgetByteCount = -1 },
      { $0.memoryBudgetByteCount = (1 << 40) + 1 }, { $0.maximalChunkByteCount = 4095 },
      { $0.maximalChunkByteCount = 3 << 12 }, { $0.maximalChunkByteCount = 2 << 20 },
      { $0.maximalChunkByteCount = 0 }, { $0.minimalSegmentByteCount = 0 },
      { $0.minimalSegmentByteCount = 65_537 },
      { $0.minimalSegmentByteCount = Format.minimumSegmentByteCount / 2 },
      { $0.maximalSegmentByteCount = 1 << 33 },
      { $0.maximalSegmentByteCount = $0.minimalSegmentByteCount / 2 },
      { $0.maximalSegmentByteCount = 3 << 20 }, { $0.maximalClaimByteCount = 4095 },
      { $0.maximalClaimByteCount = (1 << 30) + 1 },
    ]
    for (index, change) in changes.enumerated() {
      var options = StoreOptions()
      change(&options)
      let error = failure { try Store.open(at: scratch.path + "/store", options: options) }
      #expect(error?.code == .invalidArgument, "change \(index)")
    }
    #expect(scratch.names == [])
  }

  @Test func theSmallestAndLargestOptionsWork() throws {
    let fixture = try StoreFixture {
      $0.memoryBudgetByteCount = 4 << 20
      $0.maximalChunkByteCount = 4096
      $0.minimalSegmentByteCount = Format.minimumSegmentByteCount
      $0.maximalSegmentByteCount = Format.minimumSegmentByteCount
      $0.maximalClaimByteCount = 4096
    }
    for number in 0..<500 { try fixture.queue.append(CursorFixture.payload(number), level: .published) }
    try fixture.reopen()
    #expect(try fixture.queue.readAll().map(\.payload) == (0..<500).map { CursorFixture.payload($0) })
  }
}

extension DirectorySnapshot {
  /// The same but for one file, which is taken from another snapshot.
  func with(_ path: String, of other: DirectorySnapshot) -> DirectorySnapshot {
    var copy = self
    copy.replace(path, with: other)
    return copy
  }
}

/// A directory made read-only by a mount over itself; undone at the end.
final class ReadOnlyMount {
  private let path: String
  private var isMounted = true

  init(_ path: String) throws(SpateError) {
    self.path = path
    let result = Self.mount(path)
    guard result == 0 else { throw SpateError(.unsupported, "mount", systemErrorNumber: result) }
  }

  deinit { end() }

  func end() {
    if isMounted { unsafe umount2(path, Int32(MNT_DETACH)) }
    isMounted = false
  }

  private static func mount(_ path: String) -> Int32 {
    let bind = UInt(MS_BIND)
    guard unsafe Glibc.mount(path, path, nil, bind, nil) == 0 else { return errno }
    let flags = bind | UInt(MS_REMOUNT) | UInt(MS_RDONLY)
    guard unsafe Glibc.mount(nil, path, nil, flags, nil) == 0 else {
      let error = errno
      unsafe umount2(path, Int32(MNT_DETACH))
      return error
    }
    return 0
  }

  /// Whether this process may do that.
  static let isPossible: Bool = {
    let scratch = IOScratch()
    guard let mount = try? ReadOnlyMount(scratch.path) else { return false }
    mount.end()
    return true
  }()
}
