import Glibc
import Testing

@testable import Spate

/// The memory that an owner shares with readers.
@Suite struct SharedPageTests {
  private func pages() throws -> (SharedPage, SharedPage, IOScratch) {
    let scratch = IOScratch()
    let storage = try SystemStorage(root: scratch.path)
    let owner = try #require(SharedPage(makingFor: storage.rootDescriptor))
    let reader = try #require(
      SharedPage(of: getpid(), descriptor: owner.descriptor, root: storage.rootDescriptor)
    )
    return (owner, reader, scratch)
  }

  @Test func aReaderFindsTheSlotOfItsQueueOnly() throws {
    let (owner, reader, _) = try pages()
    let identifiers = (0..<100).map { _ in QueueIdentifier.random() }
    let marks = (0..<100).map { LogMark(position: UInt64($0) << 20, sequence: UInt64($0)) }
    for (identifier, mark) in zip(identifiers, marks) {
      _ = try #require(owner.makeSlot(identifier, durable: mark, segmentNumber: mark.sequence + 7))
    }
    for (identifier, mark) in zip(identifiers, marks) {
      let state = try #require(reader.slot(of: identifier)?.state)
      #expect(state.durable == mark)
      #expect(state.segmentNumber == mark.sequence + 7)
    }
    #expect(reader.slot(of: .random()) == nil)
  }

  @Test func aPageOfAnotherStoreOrAnotherFileIsRefused() throws {
    let (owner, _, scratch) = try pages()
    let other = IOScratch()
    let root = try SystemStorage(root: other.path).rootDescriptor
    #expect(SharedPage(of: getpid(), descriptor: owner.descriptor, root: root) == nil)
    let storage = try SystemStorage(root: scratch.path)
    #expect(SharedPage(of: getpid(), descriptor: storage.rootDescriptor, root: storage.rootDescriptor) == nil)
    #expect(SharedPage(of: 1 << 29, descriptor: 3, root: storage.rootDescriptor) == nil)
  }

  /// The words of one state belong together, whenever they are looked at.
  @Test func aReaderNeverSeesHalfOfAChange() throws {
    let (owner, reader, _) = try pages()
    let identifier = QueueIdentifier.random()
    let slot = try #require(
      owner.makeSlot(identifier, durable: LogMark(position: 0, sequence: 0), segmentNumber: 0)
    )
    let other = try #require(reader.slot(of: identifier))
    let end: UInt64 = 200_000
    try onThreads(2) { index in
      if index == 0 {
        for number in 1...end {
          slot.publish(durable: LogMark(position: number * 16, sequence: number), segmentNumber: number)
        }
      } else {
        var last: UInt64 = 0
        var whole = true
        while last < end {
          guard let state = other.state else { continue }
          let sequence = state.durable.sequence
          whole = whole && state.durable.position == sequence * 16 && state.segmentNumber == sequence
          whole = whole && sequence >= last
          last = sequence
        }
        #expect(whole)
      }
    }
  }

  @Test func aSignalEndsTheSleepOfAReader() throws {
    let (owner, reader, _) = try pages()
    let seen = reader.eventCount
    try onThreads(2) { index in
      if index == 0 {
        while reader.eventCount == seen { reader.wait(from: seen, until: .max) }
      } else {
        usleep(10_000)
        owner.signal()
      }
    }
    #expect(reader.eventCount == seen &+ 1)
  }
}
