import Glibc
import Testing

@testable import Spate

/// What follows each answer of the kernel.
struct IOSlotTests {
  let blocks = IOBlocks(count: 2, byteCount: 100)

  func writeSlot(durably: Bool, limits: WriteLimits = WriteLimits()) -> IOSlot {
    var slot = IOSlot()
    unsafe slot.beginWrite(
      StorageFile(descriptor: 3),
      blocks.vectors(0..<2),
      at: 0,
      durably: durably,
      token: 1,
      limits: limits
    )
    return slot
  }

  @Test func interruptedAndShortWritesGoOn() {
    var slot = writeSlot(durably: true)
    #expect(slot.take(-Int(EINTR), limits: WriteLimits()) == .again)
    #expect(slot.take(150, limits: WriteLimits()) == .again)
    #expect(slot.write.offset == 150)
    #expect(slot.take(50, limits: WriteLimits()) == .ended(0))
  }

  @Test func transientShortageIsTriedAgainWithinABound() {
    let limits = WriteLimits(retryCount: 2)
    var slot = writeSlot(durably: false)
    #expect(slot.take(-Int(EAGAIN), limits: limits) == .again)
    #expect(slot.take(-Int(EAGAIN), limits: limits) == .again)
    #expect(slot.take(-Int(EAGAIN), limits: limits) == .ended(EAGAIN))
  }

  @Test func withoutDurableWritesASyncFollows() {
    var slot = writeSlot(durably: true)
    #expect(slot.take(-Int(EOPNOTSUPP), limits: WriteLimits()) == .again)
    #expect(!slot.isDurable)
    #expect(slot.take(200, limits: WriteLimits()) == .again)
    #expect(slot.step == .sync)
    #expect(slot.take(-Int(EIO), limits: WriteLimits()) == .ended(EIO))

    var known = writeSlot(durably: true, limits: WriteLimits(hasDurableWrites: false))
    #expect(known.step == .writeThenSync && !known.isDurable)
    #expect(known.take(200, limits: WriteLimits()) == .again)
    #expect(known.take(0, limits: WriteLimits()) == .ended(0))
  }

  @Test func aWriteThatGetsNowhereEnds() {
    var slot = writeSlot(durably: false)
    #expect(slot.take(0, limits: WriteLimits()) == .ended(EIO))
  }

  @Test func failuresEndWithTheirNumber() {
    for number in [EIO, ENOSPC, EDQUOT, EBADF, EOPNOTSUPP] {
      var slot = writeSlot(durably: false)
      #expect(slot.take(-Int(number), limits: WriteLimits()) == .ended(number))
    }
  }

  @Test func completionsKeepTheirOrderWhileTheBufferGrowsAndWraps() {
    var buffer = CompletionBuffer(capacity: 1)
    let out = UnsafeMutableBufferPointer<IOCompletion>.allocate(capacity: 3)
    defer { unsafe out.deallocate() }
    unsafe out.initialize(repeating: IOCompletion(token: 0, error: 0))
    var appended: UInt64 = 0
    var moved: UInt64 = 0
    for round in 0..<60 {
      for _ in 0..<(round % 11) {
        buffer.append(IOCompletion(token: appended, error: 0))
        appended += 1
      }
      let count = unsafe buffer.move(into: out)
      for index in 0..<count {
        #expect(unsafe out[index].token == moved)
        moved += 1
      }
    }
    #expect(UInt64(buffer.count) == appended - moved)
    #expect(appended - moved > 16)
  }
}
