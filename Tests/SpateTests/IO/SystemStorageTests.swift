import CSpate
import Glibc
import Testing

@testable import Spate

/// The blocking operations, probing and locks of the real storage.
struct SystemStorageTests {
  @Test(arguments: IOWay.all)
  func writtenBytesAreReadBack(way: IOWay) throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try way.storage(scratch)
    let blocks = IOBlocks(count: 3)
    let file = try storage.open("a", .createNew)
    try unsafe storage.write(file, UnsafeRawBufferPointer(blocks.bytes), at: 0)
    try unsafe storage.writeDurably(file, UnsafeRawBufferPointer(rebasing: blocks.bytes[..<4096]), at: 12288)
    try storage.sync(file)
    #expect(try storage.byteCount(of: file) == 16384)
    let back = IOBlocks(count: 5)
    #expect(try unsafe storage.read(file, into: back.bytes, at: 0) == 16384)
    #expect(back.array.prefix(16384) == (blocks.array + blocks.array.prefix(4096))[...])
    #expect(try unsafe storage.read(file, into: back.bytes, at: 1 << 20) == 0)
    storage.close(file)
    let direct = try storage.open("a", .readDirect)
    #expect(try unsafe storage.read(direct, into: back.bytes, at: 4096) == 12288)
    storage.close(direct)
    #expect(try storage.bytes(of: "a").count == 16384)
  }

  @Test func withoutDurableWritesTheyAreWritesAndSyncs() throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try SystemStorage(root: scratch.path, refusals: [.durableWrites])
    let file = try storage.open("a", .createNew)
    defer { storage.close(file) }
    #expect(!storage.limits.hasDurableWrites)
    let blocks = IOBlocks(count: 1)
    try unsafe storage.writeDurably(file, UnsafeRawBufferPointer(blocks.bytes), at: 0)
    #expect(try storage.bytes(of: "a") == blocks.array)
  }

  @Test func probingTakesWhatWorksAndLeavesNothingBehind() throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let refusals: [StorageProbe.Refusals] = [
      [], [.ioUring], [.direct], [.unnamedFiles], [.ioUring, .direct, .unnamedFiles, .durableWrites],
    ]
    for refused in refusals {
      let storage = try SystemStorage(root: scratch.path, refusals: refused)
      if refused.contains(.ioUring) {
        #expect(storage.description.strategy == .systemCalls)
        #expect(storage.description.strategyReason != nil)
        #expect(storage.description.description.contains("no io_uring"))
      }
      if refused.contains(.direct) {
        #expect(storage.description.mode == .buffered)
        #expect(storage.description.description.contains("no direct files"))
      }
      #expect((storage.description.strategyReason == nil) == (storage.description.strategy == .ioUring))
      #expect((storage.description.modeReason == nil) == (storage.description.mode == .direct))
      #expect(storage.blockByteCount >= 4096 && storage.blockByteCount.nonzeroBitCount == 1)
      #expect(scratch.names.isEmpty)
    }
  }

  @Test func whatWasAskedForAndDoesNotWorkIsAnError() throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    #expect { try SystemStorage(root: scratch.path, strategy: .ioUring, refusals: .ioUring) } throws: {
      ($0 as? SpateError)?.code == .unsupported
    }
    #expect { try SystemStorage(root: scratch.path, mode: .direct, refusals: .direct) } throws: {
      ($0 as? SpateError)?.code == .unsupported
    }
    #expect { try SystemStorage(root: scratch.path + "/none") } throws: {
      ($0 as? SpateError)?.code == .notFound
    }
    #expect(scratch.names.isEmpty)
  }

  @Test func aSecondOpenFileDescriptionMeetsTheLock() throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try SystemStorage(root: scratch.path)
    let first = try storage.open("lock", .createNewBuffered)
    let second = try storage.open("lock", .readWriteBuffered)
    defer { storage.close(second) }
    let text = Array("4711\n".utf8)
    try unsafe text.withUnsafeBytes { try unsafe storage.write(first, $0, at: 0) }
    #expect(storage.lockHolder(second) == nil)
    #expect(try storage.tryLock(first, .writing))
    #expect(try !storage.tryLock(second, .writing))
    #expect(storage.lockHolder(second) == 4711)
    storage.unlock(first, .writing)
    #expect(try storage.tryLock(second, .writing))
    storage.close(first)
  }

  @Test func readersMeetWhoReusesAFileAndNotItsWriter() throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try SystemStorage(root: scratch.path)
    let owner = try storage.open("lock", .createNewBuffered)
    let reader = try storage.open("lock", .read)
    let other = try storage.open("lock", .read)
    defer { for file in [owner, other] { storage.close(file) } }
    #expect(try storage.tryLock(owner, .writing))
    #expect(try storage.tryLock(reader, .reading))
    #expect(try storage.tryLock(other, .reading))
    storage.unlock(other, .reading)
    #expect(try !storage.tryLock(owner, .reusing))
    storage.close(reader)
    #expect(try storage.tryLock(owner, .reusing))
    #expect(try !storage.tryLock(other, .reading))
    storage.unlock(owner, .reusing)
    #expect(try storage.tryLock(other, .reading))
  }

  @Test func mappingsShowTheBytesAndARangeBeyondTheEndIsAnError() throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try SystemStorage(root: scratch.path)
    let blocks = IOBlocks(count: 3)
    let file = try storage.open("a", .createNew)
    try unsafe storage.write(file, UnsafeRawBufferPointer(blocks.bytes), at: 0)
    storage.close(file)
    let readable = try storage.open("a", .read)
    defer { storage.close(readable) }
    let region = try unsafe storage.map(readable, at: 4096, byteCount: 8192)
    #expect(unsafe Array(region) == Array(blocks.array[4096...]))
    unsafe storage.unmap(region)
    #expect { _ = try unsafe storage.map(readable, at: 0, byteCount: 65536) } throws: {
      ($0 as? SpateError)?.code == .ioFailed && ($0 as? SpateError)?.path?.hasSuffix("/a") == true
    }
    #expect { _ = try unsafe storage.map(readable, at: 5, byteCount: 4096) } throws: { $0 is SpateError }
  }

  @Test func allocationExtendsAndNeverShrinks() throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try SystemStorage(root: scratch.path)
    let file = try storage.open("a", .createNew)
    defer { storage.close(file) }
    try storage.allocate(file, byteCount: 1 << 20)
    #expect(try storage.byteCount(of: file) == 1 << 20)
    try storage.allocate(file, byteCount: 4096)
    #expect(try storage.byteCount(of: file) == 1 << 20)
    #expect(try storage.freeByteCount(at: ".") > 0)
  }

  @Test func namesComeAndGo() throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try SystemStorage(root: scratch.path)
    try storage.createDirectory("d")
    try storage.createDirectory("d")
    storage.close(try storage.open("d/x", .createNewBuffered))
    #expect { try storage.open("d/x", .createNewBuffered) } throws: {
      ($0 as? SpateError)?.code == .wrongKind
    }
    #expect { try storage.createDirectory("d/x") } throws: { ($0 as? SpateError)?.code == .wrongKind }
    #expect(try storage.kind(of: "d") == .directory)
    #expect(try storage.kind(of: "d/x") == .file)
    #expect(try storage.kind(of: "d/y") == nil)
    #expect(try storage.kind(of: "/dev/null") == .other)
    #expect { try storage.remove("d") } throws: { $0 is SpateError }
    try storage.rename("d/x", to: "d/y")
    try storage.syncDirectory("d")
    #expect(try storage.contents(ofDirectory: "d") == ["y"])
    try storage.remove("d/y")
    try storage.remove("d")
    #expect { try storage.remove("d") } throws: { ($0 as? SpateError)?.code == .notFound }
    #expect(try storage.contents(ofDirectory: ".").isEmpty)
    let inner = scratch.path + "/root"
    try SystemStorage.createRoot(inner)
    try SystemStorage.createRoot(inner)
    #expect(try storage.kind(of: inner) == .directory)
  }

  @Test func everyErrorNumberHasACodeAndARemedy() {
    #expect(SpateError.system(ENOSPC, .write).code == .diskFull)
    #expect(SpateError.system(EDQUOT, .allocate).code == .diskFull)
    #expect(SpateError.system(EIO, .read).code == .ioFailed)
    #expect(SpateError.system(EIO, .sync).code == .syncFailed)
    #expect(SpateError.system(ENOSPC, .sync).code == .syncFailed)
    #expect(SpateError.system(EBADF, .sync).code == .ioFailed)
    #expect(SpateError.system(EROFS, .open).code == .permissionDenied)
    #expect(SpateError.system(EMFILE, .open).code == .resourceExhausted)
    for number in Int32(1)...133 {
      for operation in [SpateError.SystemOperation.open, .write, .sync, .map] {
        let error = SpateError.system(number, operation, path: "/p")
        #expect(error.systemErrorNumber == number && error.path == "/p")
        #expect(error.message.hasPrefix("Could not ") && error.message.hasSuffix("."))
      }
    }
  }
}
