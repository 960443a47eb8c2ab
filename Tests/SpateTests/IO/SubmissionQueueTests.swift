import CSpate
import Glibc
import Testing

@testable import Spate

/// What a submission queue promises, on both strategies and both file modes.
struct SubmissionQueueTests {
  @Test(arguments: IOWay.all)
  func writtenAndSyncedBytesAreReadBack(way: IOWay) throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try way.storage(scratch)
    let file = try storage.open("a", .createNew)
    defer { storage.close(file) }
    let blocks = IOBlocks(count: 4)
    let queue = try storage.makeSubmissionQueue()
    defer { queue.close() }
    unsafe queue.enqueueWrite(file, vectors: blocks.vectors(0..<4), at: 0, durably: false, token: 7)
    #expect(queue.inFlightCount == 1)
    #expect(queue.submit() == 0)
    #expect(queue.collectAll() == [7: [0]])
    queue.enqueueSync(file, token: .max)
    #expect(queue.submit() == 0)
    #expect(queue.collectAll() == [.max: [0]])
    #expect(queue.inFlightCount == 0)
    #expect(try storage.bytes(of: "a") == blocks.array)
  }

  @Test(arguments: IOWay.all)
  func durableWritesAreReadBack(way: IOWay) throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try way.storage(scratch)
    let file = try storage.open("a", .createNew)
    defer { storage.close(file) }
    let blocks = IOBlocks(count: 2)
    let queue = try storage.makeSubmissionQueue()
    defer { queue.close() }
    unsafe queue.enqueueWrite(file, vectors: blocks.vectors(0..<2), at: 0, durably: true, token: 1)
    #expect(queue.submit() == 0)
    #expect(queue.collectAll() == [1: [0]])
    #expect(try storage.bytes(of: "a") == blocks.array)
  }

  @Test(arguments: IOWay.all)
  func manyMoreThanTheCapacityEachEndOnce(way: IOWay) throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try way.storage(scratch, queueCapacity: 4)
    let file = try storage.open("a", .createNew)
    defer { storage.close(file) }
    let blocks = IOBlocks(count: 100)
    let queue = try storage.makeSubmissionQueue()
    defer { queue.close() }
    #expect(queue.capacity == 4)
    var expected: [UInt64: [Int32]] = [:]
    for index in 0..<100 {
      unsafe queue.enqueueWrite(
        file,
        vectors: blocks.vectors(index..<(index + 1)),
        at: UInt64(index * 4096),
        durably: false,
        token: UInt64(index)
      )
      expected[UInt64(index)] = [0]
      if index % 10 == 0 {
        queue.enqueueSync(file, token: UInt64(1000 + index))
        expected[UInt64(1000 + index)] = [0]
      }
    }
    #expect(queue.inFlightCount == 110)
    #expect(queue.submit() == 0)
    #expect(queue.collectAll(atOnce: 3) == expected)
    #expect(try storage.bytes(of: "a") == blocks.array)
  }

  @Test(arguments: IOWay.all)
  func moreVectorsThanOneCallTakesAreWritten(way: IOWay) throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try way.storage(scratch)
    let file = try storage.open("a", .createNew)
    defer { storage.close(file) }
    let blocks = IOBlocks(count: 1500)
    let queue = try storage.makeSubmissionQueue()
    defer { queue.close() }
    unsafe queue.enqueueWrite(file, vectors: blocks.vectors(0..<1500), at: 0, durably: true, token: 3)
    #expect(queue.submit() == 0)
    #expect(queue.collectAll() == [3: [0]])
    #expect(try storage.bytes(of: "a") == blocks.array)
  }

  @Test(arguments: IOWay.all)
  func aWriteOfNothingEnds(way: IOWay) throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try way.storage(scratch)
    let file = try storage.open("a", .createNew)
    defer { storage.close(file) }
    let queue = try storage.makeSubmissionQueue()
    defer { queue.close() }
    let none = IOBlocks(count: 3, byteCount: 0)
    unsafe queue.enqueueWrite(file, vectors: none.vectors(0..<3), at: 0, durably: true, token: 1)
    unsafe queue.enqueueWrite(file, vectors: none.vectors(0..<0), at: 0, durably: false, token: 2)
    #expect(queue.submit() == 0)
    #expect(queue.collectAll() == [1: [0], 2: [0]])
  }

  @Test(arguments: IOWay.all)
  func errorsArriveAsCompletionsAndTheQueueGoesOn(way: IOWay) throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try way.storage(scratch)
    let file = try storage.open("a", .createNew)
    defer { storage.close(file) }
    let readable = try storage.open("a", .read)
    defer { storage.close(readable) }
    let closed = StorageFile(descriptor: 1 << 20)
    let blocks = IOBlocks(count: 1)
    let queue = try storage.makeSubmissionQueue()
    defer { queue.close() }
    unsafe queue.enqueueWrite(readable, vectors: blocks.vectors(0..<1), at: 0, durably: false, token: 1)
    unsafe queue.enqueueWrite(closed, vectors: blocks.vectors(0..<1), at: 0, durably: true, token: 2)
    queue.enqueueSync(closed, token: 3)
    unsafe queue.enqueueWrite(file, vectors: blocks.vectors(0..<1), at: 0, durably: false, token: 4)
    unsafe queue.enqueueWrite(file, vectors: blocks.vectors(0..<1), at: .max, durably: false, token: 5)
    #expect(queue.submit() == 0)
    let results = queue.collectAll()
    #expect(results[1] == [EBADF])
    #expect(results[2] == [EBADF])
    #expect(results[3] == [EBADF])
    #expect(results[4] == [0])
    #expect(results[5] == [EFBIG])
  }

  @Test(arguments: IOWay.all)
  func collectWithNothingInFlightReturnsAtOnce(way: IOWay) throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let queue = try way.storage(scratch).makeSubmissionQueue()
    defer { queue.close() }
    let buffer = UnsafeMutableBufferPointer<IOCompletion>.allocate(capacity: 1)
    defer { unsafe buffer.deallocate() }
    #expect(unsafe queue.collect(into: buffer, untilNanoseconds: .max) == 0)
    #expect(unsafe queue.collect(into: buffer, untilNanoseconds: 0) == 0)
  }

  @Test(arguments: IOWay.all)
  func closingWaitsForWhatIsInFlightAndMayBeRepeated(way: IOWay) throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try way.storage(scratch)
    let file = try storage.open("a", .createNew)
    defer { storage.close(file) }
    let blocks = IOBlocks(count: 64)
    let queue = try storage.makeSubmissionQueue()
    for index in 0..<64 {
      unsafe queue.enqueueWrite(
        file,
        vectors: blocks.vectors(index..<(index + 1)),
        at: UInt64(index * 4096),
        durably: false,
        token: 0
      )
    }
    queue.close()
    queue.close()
    #expect(try storage.bytes(of: "a") == blocks.array)
  }

  /// Who makes a queue's plain writes.
  enum Writer: CaseIterable {
    case kernel, kernelAtOnce, systemCalls
  }

  /// Small limits make every write go on, inside vectors and between them.
  @Test(arguments: Writer.allCases, [1, 100, 4096, 5000, 8192])
  func writesThatStopShortAreContinued(writer: Writer, byteLimit: Int) throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try SystemStorage(root: scratch.path, mode: .buffered)
    let limits = WriteLimits(vectorCount: 3, byteCount: byteLimit, hasDurableWrites: false)
    let queue: any SubmissionQueue
    if writer != .systemCalls {
      guard storage.description.strategy == .ioUring else { return }
      queue = try UringSubmissionQueue(
        capacity: 8,
        entryCount: 1,
        limits: limits,
        writesAtOnce: writer == .kernelAtOnce
      )
    } else {
      queue = SyscallSubmissionQueue(capacity: 8, limits: limits)
    }
    defer { queue.close() }
    let file = try storage.open("a", .createNew)
    defer { storage.close(file) }
    // Vectors of unlike lengths, one of them empty.
    let blocks = IOBlocks(count: 12, byteCount: 700)
    unsafe blocks.vectors[3].iov_len = 0
    unsafe blocks.vectors[8].iov_len = 3
    var expected: [UInt8] = []
    for index in 0..<12 {
      let count = index == 3 ? 0 : index == 8 ? 3 : 700
      expected += [UInt8](repeating: UInt8(index + 1), count: count)
    }
    unsafe queue.enqueueWrite(file, vectors: blocks.vectors(0..<6), at: 0, durably: true, token: 1)
    unsafe queue.enqueueWrite(file, vectors: blocks.vectors(6..<12), at: 3500, durably: false, token: 2)
    #expect(queue.submit() == 0)
    #expect(queue.collectAll() == [1: [0], 2: [0]])
    #expect(try storage.bytes(of: "a") == expected)
  }

  /// The kernel itself stops a write inside a vector, at the process's file size limit: the rest is asked
  /// for, and refused.
  @Test func theKernelsShortWriteIsContinued() async {
    await #expect(processExitsWith: .success) {
      for strategy in [IOStrategy.ioUring, .systemCalls] {
        let scratch = IOScratch()
        defer { withExtendedLifetime(scratch) {} }
        guard let storage = try? SystemStorage(root: scratch.path, strategy: strategy, mode: .buffered) else {
          continue
        }
        let file = try storage.open("a", .createNew)
        let queue = try storage.makeSubmissionQueue()
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        let before = limit
        limit.rlim_cur = 10_000
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        let blocks = IOBlocks(count: 4)
        unsafe queue.enqueueWrite(file, vectors: blocks.vectors(0..<4), at: 0, durably: false, token: 9)
        let submitted = queue.submit()
        let results = queue.collectAll()
        limit = before
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        let bytes = try storage.bytes(of: "a")
        queue.close()
        storage.close(file)
        if submitted != 0 || results != [9: [EFBIG]] || bytes != Array(blocks.array.prefix(10_000)) {
          exit(2)
        }
      }
    }
  }

  /// The submission ring has one place, and every second request finds it taken: none is lost, and none is said to be done
  /// that the kernel never saw. A pipe cannot be synced, so who asked the kernel knows it by the error.
  ///
  /// In a process of its own, which does not wait for a completion that never comes.
  @Test func syncsThatMeetAFullRingReachTheKernel() async {
    await #expect(processExitsWith: .success) {
      let scratch = IOScratch()
      let storage = try SystemStorage(root: scratch.path, mode: .buffered)
      guard storage.description.strategy == .ioUring else { return }
      let queue = try UringSubmissionQueue(capacity: 32, entryCount: 1)
      let file = try storage.open("a", .createNew)
      var ends: [Int32] = [-1, -1]
      guard unsafe pipe(&ends) == 0 else { exit(3) }
      let blocks = IOBlocks(count: 8)
      var expected: [UInt64: [Int32]] = [:]
      for index in 0..<8 {
        unsafe queue.enqueueWrite(
          file,
          vectors: blocks.vectors(index..<(index + 1)),
          at: UInt64(index * 4096),
          durably: false,
          token: UInt64(index)
        )
        queue.enqueueSync(StorageFile(descriptor: ends[1]), token: UInt64(100 + index))
        expected[UInt64(index)] = [0]
        expected[UInt64(100 + index)] = [EINVAL]
      }
      let results = queue.collectAll(until: Int64(spate_now_monotonic_ns()) + 20_000_000_000)
      if results != expected { exit(2) }
      if try storage.bytes(of: "a") != blocks.array { exit(4) }
      queue.close()
    }
  }

  /// Every combination of refinements works: newer kernels take all, older ones fewer.
  @Test(arguments: [0, UInt32(SPATE_RING_COOP), UInt32(SPATE_RING_DEFER), UInt32(SPATE_RING_ANY)])
  func everyKindOfRingWorks(allowed: UInt32) throws {
    let scratch = IOScratch()
    defer { withExtendedLifetime(scratch) {} }
    let storage = try SystemStorage(root: scratch.path, mode: .buffered)
    guard storage.description.strategy == .ioUring else { return }
    let queue = try UringSubmissionQueue(capacity: 8, allowed: allowed)
    defer { queue.close() }
    #expect(queue.refinements & ~allowed == 0)
    let file = try storage.open("a", .createNew)
    defer { storage.close(file) }
    let blocks = IOBlocks(count: 20)
    for index in 0..<20 {
      unsafe queue.enqueueWrite(
        file,
        vectors: blocks.vectors(index..<(index + 1)),
        at: UInt64(index * 4096),
        durably: index % 2 == 0,
        token: UInt64(index)
      )
    }
    #expect(queue.submit() == 0)
    #expect(queue.collectAll().count == 20)
    #expect(try storage.bytes(of: "a") == blocks.array)
  }

  @Test func aClosedRingEndsWhatIsEnqueuedWithAnError() throws {
    guard let queue = try? UringSubmissionQueue(capacity: 4) else { return }
    queue.close()
    queue.enqueueSync(StorageFile(descriptor: 0), token: 5)
    #expect(queue.submit() == EBADF)
    #expect(queue.collectAll() == [5: [EBADF]])
  }
}
