import Testing

@testable import Spate

@Suite struct QueueRecoveryTests {
  let directory = SegmentBuilder.directory

  func recover(_ builder: SegmentBuilder) throws -> RecoveredQueue {
    try QueueRecovery.run(storage: builder.storage, directory: directory, lockWaitNanoseconds: 2_000_000)
  }

  @Test func queueWithoutSegmentsBeginsAtItsBase() throws {
    var builder = try SegmentBuilder()
    var queue = try recover(builder)
    #expect(queue.endPosition == 0 && queue.endSequence == 0 && queue.nextSegmentNumber == 0)
    #expect(queue.report.isClean)
    try builder.prepare()
    try builder.prepare()
    queue = try recover(builder)
    #expect(queue.spares.map(\.number) == [0, 1])
    #expect(queue.nextSegmentNumber == 2)
    #expect(queue.spares[0].footerOffset == 61440)
  }

  @Test func batchWhoseLastFrameIsMissingIsNotThere() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    builder.append([1])
    let start = builder.mark
    builder.append([2], flags: .continues)
    builder.append([3], flags: [.continues, .continued])
    var queue = try recover(builder)
    #expect(queue.endPosition == start.position && queue.endSequence == 1)
    #expect(
      queue.report.findings
        == [
          .tornTail(position: start.position, byteCount: builder.position - start.position, segmentNumber: 0)
        ]
    )
    builder.append([4], flags: .continued)
    queue = try recover(builder)
    #expect(queue.endSequence == 4 && queue.report.isClean)
  }

  @Test func damageInsideADurableBatchLosesTheWholeBatch() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    builder.append([1])
    let start = builder.position
    builder.append([2], flags: .continues)
    let damaged = builder.offset(builder.position) + 33
    builder.append([3, 3, 3], flags: .continued)
    builder.sync()
    builder.chunk()
    builder.append([4])
    builder.storage.edit(builder.path) { $0[damaged] ^= 1 }
    let queue = try recover(builder)
    #expect(
      queue.report.findings
        == [.damage(DamagedRange(positions: start..<4096, sequences: 1..<3, segmentNumber: 0))]
    )
    #expect(try readRecords(queue, in: builder.storage).map(\.sequence) == [0, 3])
  }

  @Test func rollWhosePredecessorLostItsTailSetsTheSuccessorAside() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    builder.append([1])
    builder.append([2])
    let lost = builder.records[1]
    try builder.roll()
    builder.chunk()
    builder.append([3])
    builder.storage.edit(SegmentBuilder.path(0)) { bytes in
      let start = 4096 + Int(lost.position)
      bytes.replaceSubrange(start..<8192, with: repeatElement(0, count: 8192 - start))
    }
    let queue = try recover(builder)
    let aside = directory + "/aside/" + Format.segmentName(1)
    #expect(queue.endPosition == lost.position && queue.endSequence == 1)
    #expect(
      queue.report.findings
        == [
          .missingFooter(segmentNumber: 0),
          .tornTail(position: lost.position, byteCount: 0, segmentNumber: 0), .setAside(path: aside),
        ]
    )
    #expect(queue.nextSegmentNumber == 2)
    #expect(try builder.storage.kind(of: aside) == .file)
    #expect(try recover(builder).nextSegmentNumber == 2)
  }

  @Test func sameLossIsDamageWhenTheSuccessorProvesItDurable() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    builder.append([1])
    builder.append([2])
    let lost = builder.records[1]
    builder.sync()
    try builder.roll()
    builder.chunk()
    builder.append([3])
    builder.storage.edit(SegmentBuilder.path(0)) { $0[4096 + Int(lost.position) + 32] ^= 1 }
    let queue = try recover(builder)
    #expect(
      queue.report.damages
        == [DamagedRange(positions: lost.position..<4096, sequences: 1..<2, segmentNumber: 0)]
    )
    #expect(try readRecords(queue, in: builder.storage).map(\.sequence) == [0, 2])
    #expect(queue.catalog.first?.isDamaged == true)
  }

  @Test func footerAloneProvesWhatItsSegmentLost() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    builder.append([1])
    builder.append([2])
    builder.seal()
    let lost = builder.records[1]
    builder.storage.edit(SegmentBuilder.path(0)) { $0[4096 + Int(lost.position)] ^= 1 }
    let queue = try recover(builder)
    #expect(
      queue.report.findings
        == [
          .damage(
            DamagedRange(positions: lost.position..<builder.position, sequences: 1..<2, segmentNumber: 0)
          )
        ]
    )
    #expect(queue.endSequence == 2 && queue.endPosition == builder.position)
  }

  @Test func useSectorWithoutAnyFrameIsAnEmptyEnd() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    builder.append([1])
    builder.sync()
    try builder.roll()
    let queue = try recover(builder)
    #expect(queue.endSequence == 1 && queue.endPosition == 4096)
    #expect(queue.report.damages.isEmpty)
  }

  @Test func framesBeyondTheCutOfALaterSegmentAreGone() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    builder.append([1])
    let cut = builder.mark
    builder.append([2])
    builder.append([3])
    try builder.truncate(at: cut)
    builder.chunk()
    builder.append([9])
    let queue = try recover(builder)
    #expect(try readRecords(queue, in: builder.storage).map(\.payload) == [[1], [9]])
    #expect(queue.report.damages.isEmpty && queue.epoch == 2)
  }

  @Test func segmentsBehindOneThatNeverGotToTheDiskAreNotTheLog() throws {
    var builder = try SegmentBuilder()
    let checkpoint = QueueCheckpoint(queueIdentifier: SegmentBuilder.identifier)
    try checkpoint.store(in: builder.storage, directory: directory)
    try builder.roll()
    let first = builder.path
    builder.chunk()
    builder.append([1])
    try builder.roll()
    builder.chunk()
    builder.append([2])
    builder.storage.edit(first) { bytes in
      for offset in 512..<bytes.count { bytes[offset] = 0 }
    }
    var queue = try recover(builder)
    #expect(queue.endSequence == 0 && queue.endPosition == 0)
    #expect(queue.report.damages.isEmpty)
    #expect(queue.report.findings.contains { if case .tornTail = $0 { true } else { false } })
    // The same files where a later chunk says that the first was durable are damage.
    builder = try SegmentBuilder()
    try checkpoint.store(in: builder.storage, directory: directory)
    try builder.roll()
    builder.chunk()
    builder.append([1])
    let lost = builder.path
    try builder.roll()
    builder.chunk()
    builder.append([2])
    builder.sync()
    builder.chunk()
    builder.append([3])
    builder.storage.edit(lost) { bytes in
      for offset in 512..<bytes.count { bytes[offset] = 0 }
    }
    queue = try recover(builder)
    #expect(queue.endSequence == 3 && queue.report.damages.map(\.sequences) == [0..<1])
  }

  @Test func interruptedTrimIsFinishedAndTheBeginningIsTheCheckpoints() throws {
    var builder = try SegmentBuilder()
    for index in 0..<3 {
      try builder.roll()
      builder.chunk()
      builder.append([UInt8(index)])
      builder.sync()
    }
    let first = builder.use.basePosition
    var checkpoint = QueueCheckpoint(queueIdentifier: SegmentBuilder.identifier)
    checkpoint.trimmedPosition = first
    checkpoint.trimmedSequence = 2
    checkpoint.firstSegmentNumber = 2
    try checkpoint.store(in: builder.storage, directory: directory)
    let queue = try recover(builder)
    #expect(queue.beginPosition == first && queue.beginSequence == 2)
    #expect(queue.catalog.count == 1)
    #expect(
      queue.report.findings == [.finishedRemoval(segmentNumber: 0), .finishedRemoval(segmentNumber: 1)]
    )
    #expect(try recover(builder).report.isClean)
  }

  @Test func metadataAndFencesComeFromCheckpointAndTail() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    builder.append([5], type: .metadata, key: Array("old".utf8))
    builder.append([6], type: .metadata, key: Array("gone".utf8))
    var checkpoint = QueueCheckpoint(queueIdentifier: SegmentBuilder.identifier)
    checkpoint.statePosition = builder.position
    checkpoint.content.metadata = ["old": [5], "gone": [6]]
    try checkpoint.store(in: builder.storage, directory: directory)
    let first = builder.position
    builder.append([7], type: .metadata, key: Array("new".utf8))
    builder.append([], type: .metadata, key: Array("gone".utf8))
    builder.append([9, 0, 0, 0, 0, 0, 0, 0], type: .fence)
    builder.append([1, 1], type: .acknowledgement)
    builder.append([1])
    builder.sync()
    builder.statePosition = first
    builder.chunk()
    builder.append([8], type: .metadata, flags: .continues, key: Array("cut".utf8))
    let queue = try recover(builder)
    #expect(queue.content.metadata == ["old": [5], "new": [7]])
    #expect(queue.content.fencingEpoch == 9)
    #expect(queue.firstStatePosition == first)
    #expect(queue.endSequence == 1)
  }

  @Test func damagedCheckpointIsSetAside() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    builder.append([1])
    builder.storage.state.withLock {
      $0.files[directory + "/queue.checkpoint"] = Array(repeating: 7, count: 200)
    }
    let queue = try recover(builder)
    #expect(
      queue.report.findings
        == [.unreadableCheckpoint, .setAside(path: directory + "/aside/queue.checkpoint")]
    )
    #expect(queue.endSequence == 1)
  }

  @Test func writesInFlightOfADeadOwnerAreWaitedForAndThenRefused() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    let owner = try builder.storage.open(builder.path, .readWrite)
    #expect(try builder.storage.tryLock(owner, .writing))
    do throws(SpateError) {
      _ = try QueueRecovery.run(
        storage: builder.storage,
        directory: directory,
        lockWaitNanoseconds: 2_000_000
      )
      Issue.record("opened a queue that somebody writes to")
    } catch {
      #expect(error.code == .locked)
    }
    builder.storage.close(owner)
    #expect(try recover(builder).report.isClean)
  }

  @Test func newerFormatIsRefusedAndLeftAlone() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    let identity = SegmentIdentity(
      blockByteCount: 4096,
      requiredFeatures: 4,
      segmentNumber: 0,
      byteCount: 65536,
      footerOffset: 61440,
      queueIdentifier: SegmentBuilder.identifier,
      createdTimestamp: 0
    )
    builder.storage.edit(builder.path) { bytes in
      unsafe bytes.withUnsafeMutableBytes { unsafe identity.encode(into: $0.baseAddress!) }
    }
    let before = builder.storage.bytes(builder.path)
    do throws(SpateError) {
      _ = try QueueRecovery.run(storage: builder.storage, directory: directory)
      Issue.record("opened a newer format")
    } catch {
      #expect(error.code == .unsupportedFormat)
    }
    #expect(builder.storage.bytes(builder.path) == before)
  }

  @Test func whatWasScannedIsSyncedBeforeItIsShown() throws {
    var builder = try SegmentBuilder()
    try builder.roll()
    builder.chunk()
    builder.append([1])
    builder.storage.state.withLock { $0.operations = [] }
    _ = try recover(builder)
    #expect(builder.storage.state.withLock { $0.operations }.contains("sync \(builder.path)"))
  }

  @Test func costDependsOnTheUndurableTailNotOnTheLog() throws {
    func cost(records: Int) throws -> UInt64 {
      var builder = try SegmentBuilder(segmentByteCount: 16 << 20)
      try builder.roll()
      let payload = [UInt8](repeating: 3, count: 200_000)
      for _ in 0..<records {
        builder.sync()
        builder.chunk()
        builder.append(payload)
        if builder.position % (1 << 20) > 700_000 {
          builder.skipToStride()
        }
      }
      return try recover(builder).report.scannedByteCount
    }
    let (short, long) = (try cost(records: 5), try cost(records: 50))
    #expect(long < short + (3 << 20))
  }

  @Test func recordLargerThanTheWindowIsCheckedInPieces() throws {
    var builder = try SegmentBuilder(segmentByteCount: 8 << 20)
    try builder.roll()
    builder.chunk()
    builder.append([1])
    builder.append((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    builder.chunk()
    builder.append([2])
    #expect(try recover(builder).endSequence == 3)
    let place = builder.offset(builder.records[1].endPosition) - 100
    builder.storage.edit(builder.path) { $0[place] ^= 1 }
    let queue = try recover(builder)
    #expect(queue.endSequence == 1)
    #expect(
      queue.report.findings
        == [
          .tornTail(
            position: builder.records[1].position,
            byteCount: builder.position - builder.records[1].position,
            segmentNumber: 0
          )
        ]
    )
  }
}
