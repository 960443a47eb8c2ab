import Testing

@testable import Spate

@Suite struct SegmentPreparerTests {
  private let storage = MemoryStorage()
  private var preparer: SegmentPreparer {
    SegmentPreparer(storage: storage, directory: "q", queueIdentifier: SegmentBuilder.identifier)
  }

  private func names() throws -> [String] { try storage.contents(ofDirectory: "q").sorted() }

  @Test func preparedFileIsNamedOnlyWhenItsHeaderIsSynced() throws {
    let made = try preparer.prepare(number: 5, byteCount: 65536)
    #expect(made.path == "q/0000000000000005.segment")
    #expect(made.dataByteCount == 61440 - 4096)
    let operations = storage.state.withLock { $0.operations }
    let sync = operations.lastIndex { $0.hasPrefix("sync ") }!
    let rename = operations.firstIndex { $0.hasPrefix("rename") }!
    #expect(sync < rename && operations.last == "syncDirectory q")
    let bytes = storage.bytes(made.path)!
    #expect(bytes.count == 65536)
    unsafe #expect(
      bytes.withUnsafeBytes { unsafe SegmentIdentity.decode($0.baseAddress!) }.value?.segmentNumber == 5
    )
    unsafe #expect(
      bytes.withUnsafeBytes { unsafe SegmentUse.decode($0.baseAddress! + 512) } == .valid(.unused)
    )
  }

  @Test(arguments: 0..<12) func failureAtAnyStepLeavesNothingBehind(step: Int) throws {
    storage.state.withLock { state in
      let start = state.operations.count
      state.fail = { [storage] operation in
        guard !operation.hasPrefix("remove") else { return nil }
        let count = storage.state.withLock { $0.operations.count } - start
        return count == step + 1 ? SpateError(.diskFull, "no room") : nil
      }
    }
    do throws(SpateError) {
      let made = try preparer.prepare(number: 1, byteCount: 65536)
      storage.close(made.file)
    } catch {
      #expect(error.code == .diskFull)
      #expect(try names() == [])
    }
    storage.state.withLock { $0.fail = nil }
  }

  /// The rest is allocated: zeros ahead would write everything twice.
  @Test(arguments: [(65536, 65536), (1 << 20, 1 << 20), (4 << 20, 1 << 20)])
  func onlyTheBeginningOfAFileIsZeroed(byteCount: UInt64, zeroed: UInt64) throws {
    let made = try preparer.prepare(number: 1, byteCount: byteCount)
    #expect(try storage.byteCount(of: made.file) == byteCount)
    #expect(made.writtenByteCount == zeroed)
    let writes = storage.state.withLock { $0.operations.count { $0.hasPrefix("write") } }
    // Pieces of zeros, and the header.
    #expect(UInt64(writes) == (zeroed + (256 << 10) - 1) / (256 << 10) + 1)
    storage.close(made.file)
  }

  @Test func recycledFileKeepsItsBytesAndLosesItsUse() throws {
    var builder = try SegmentBuilder(storage: storage)
    try builder.roll()
    builder.chunk()
    builder.append([1, 2, 3])
    let used = try #require(
      try QueueRecovery.run(storage: storage, directory: SegmentBuilder.directory).catalog.first
    )
    let preparer = SegmentPreparer(
      storage: storage,
      directory: SegmentBuilder.directory,
      queueIdentifier: SegmentBuilder.identifier
    )
    let made = try #require(try preparer.recycle(used, as: 9))
    #expect(storage.bytes(used.path) == nil)
    let bytes = storage.bytes(made.path)!
    unsafe #expect(
      bytes.withUnsafeBytes { unsafe SegmentUse.decode($0.baseAddress! + 512) } == .valid(.unused)
    )
    #expect(bytes[4096] != 0 || bytes[4097] != 0)
  }

  @Test func lockedFileIsNotRecycled() throws {
    var builder = try SegmentBuilder(storage: storage)
    try builder.roll()
    builder.chunk()
    let used = try #require(
      try QueueRecovery.run(storage: storage, directory: SegmentBuilder.directory).catalog.first
    )
    let reader = try storage.open(used.path, .read)
    #expect(try storage.tryLock(reader, .reading))
    let preparer = SegmentPreparer(
      storage: storage,
      directory: SegmentBuilder.directory,
      queueIdentifier: SegmentBuilder.identifier
    )
    #expect(try preparer.recycle(used, as: 9) == nil)
    #expect(storage.bytes(used.path) != nil)
  }
}

extension PreparedSegment: Equatable {
  public static func == (left: PreparedSegment, right: PreparedSegment) -> Bool { left.path == right.path }
}
