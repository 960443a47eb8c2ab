import Testing

@testable import Spate

/// Recovery over the real storage: direct files, locks and names as the kernel has them.
@Suite struct RecoveryOnDiskTests {
  /// Copies what a builder made into a directory on disk.
  private func write(_ builder: SegmentBuilder, to storage: SystemStorage) throws {
    try storage.createDirectory("queues")
    try storage.createDirectory(SegmentBuilder.directory)
    let files = builder.storage.state.withLock { $0.files }
    for (path, bytes) in files {
      let file = try storage.open(path, .createNewBuffered)
      defer { storage.close(file) }
      let result = unsafe bytes.withUnsafeBytes { bytes -> Result<Void, SpateError> in
        do throws(SpateError) {
          unsafe try storage.write(file, bytes, at: 0)
          try storage.sync(file)
          return .success(())
        } catch { return .failure(error) }
      }
      try result.get()
    }
  }

  @Test(arguments: [FileMode.direct, .buffered])
  func storeWrittenByAnOwnerThatDiedOpensWithItsTornTailNamed(mode: FileMode) throws {
    let scratch = IOScratch()
    let storage = try SystemStorage(root: scratch.path, mode: mode)
    var builder = try SegmentBuilder(segmentByteCount: 4 << 20)
    try builder.roll()
    builder.chunk()
    for index in 0..<50 { builder.append([UInt8](repeating: UInt8(index), count: 1000)) }
    builder.sync()
    builder.chunk()
    builder.append([1, 2, 3])
    let last = builder.records[50]
    builder.storage.edit(builder.path) { $0[4096 + Int(last.position) + 33] ^= 1 }
    try write(builder, to: storage)
    let queue = try QueueRecovery.run(storage: storage, directory: SegmentBuilder.directory)
    #expect(queue.endSequence == 50)
    #expect(
      queue.report.findings == [.tornTail(position: last.position, byteCount: 40, segmentNumber: 0)]
    )
  }

  @Test func ownerThatStillHoldsTheFileIsWaitedForAndThenNamed() throws {
    let scratch = IOScratch()
    let storage = try SystemStorage(root: scratch.path)
    try storage.createDirectory("q")
    let manifest = QueueManifest(baseSequence: 5, createdTimestamp: 1, queueIdentifier: .random())
    try manifest.create(in: storage, directory: "q")
    let made = try SegmentPreparer(
      storage: storage,
      directory: "q",
      queueIdentifier: manifest.queueIdentifier
    ).prepare(number: 0, byteCount: 1 << 20)
    do throws(SpateError) {
      _ = try QueueRecovery.run(storage: storage, directory: "q", lockWaitNanoseconds: 2_000_000)
      Issue.record("opened a queue whose file is held")
    } catch {
      #expect(error.code == .locked)
    }
    storage.close(made.file)
    let queue = try QueueRecovery.run(storage: storage, directory: "q")
    #expect(queue.spares.map(\.number) == [0] && queue.endSequence == 5)
  }
}
