import Synchronization
import Testing

@testable import Spate

private final class CountingWaiter: BufferWaiter {
  let count = Atomic<Int>(0)
  func memoryWasFreed() { count.wrappingAdd(1, ordering: .relaxed) }
}

@Suite("Ring: the buffer pool")
struct BufferPoolTests {
  private static let sizes = (0...9).map { 4096 << $0 }

  @Test(
    "Every size fills the whole budget with buffers that do not overlap, and comes back whole",
    arguments: sizes
  )
  func everySizeFillsTheBudget(size: Int) throws {
    let pool = try BufferPool(budget: 4 << 20)
    for _ in 0..<2 {
      var taken: [BufferPool.Buffer] = []
      while let buffer = pool.allocate(byteCount: size, isSmallHolder: true, waiter: nil) {
        taken.append(buffer)
      }
      #expect(taken.count == pool.budget / size)
      let starts = Set(taken.map { unsafe Int(bitPattern: $0.address) })
      #expect(starts.count == taken.count)
      #expect(taken.allSatisfy { unsafe Int(bitPattern: $0.address) % 4096 == 0 && $0.byteCount == size })
      #expect(starts.max()! - starts.min()! == pool.budget - size)
      #expect(pool.allocatedByteCount == pool.budget)
      for buffer in taken.shuffled() { pool.free(buffer) }
      #expect(pool.allocatedByteCount == 0)
    }
    // Merged again: whole slabs are there.
    #expect(pool.allocate(byteCount: 2 << 20, isSmallHolder: true, waiter: nil) != nil)
    #expect(pool.allocate(byteCount: 2 << 20, isSmallHolder: true, waiter: nil) != nil)
  }

  @Test("The largest buffer there is comes for one that there is no room for, and none below the minimum")
  func largestThereIs() throws {
    let pool = try BufferPool(budget: 2 << 20)
    var sizes: [Int] = []
    for size in [1 << 20, 512 << 10, 256 << 10, 128 << 10, 64 << 10, 32 << 10] {
      #expect(pool.allocate(byteCount: size, isSmallHolder: true, waiter: nil) != nil)
    }
    // 32 KiB are left.
    let waiter = CountingWaiter()
    func take(_ byteCount: Int, atLeast minimum: Int) -> Int? {
      pool.allocate(byteCount: byteCount, atLeast: minimum, isSmallHolder: true, waiter: waiter)?.byteCount
    }
    #expect(take(512 << 10, atLeast: 64 << 10) == nil)
    #expect(pool.takeStarving().count == 1)
    while let size = take(16 << 10, atLeast: 4096) {
      sizes.append(size)
      if sizes.count == 1 { #expect(take(8192, atLeast: 8192) == 8192) }
    }
    #expect(sizes == [16 << 10, 8192])
    #expect(pool.allocatedByteCount == pool.budget)
  }

  @Test(
    "Random sizes and orders agree with a model: no overlap, no loss, no byte beyond the budget",
    arguments: 1...8
  )
  func agreesWithModel(seed: UInt64) throws {
    var random = RingRandom(seed)
    let pool = try BufferPool(budget: 8 << 20)
    var taken: [(buffer: BufferPool.Buffer, mark: UInt64)] = []
    var sum = 0
    for step in 0..<20_000 {
      if !taken.isEmpty, random.next() % 100 < (sum > 6 << 20 ? 70 : 45) {
        let (buffer, mark) = taken.remove(at: Int(random.next() % UInt64(taken.count)))
        // Each page still says whose it is.
        for page in stride(from: 0, to: buffer.byteCount, by: 4096) {
          #expect(unsafe buffer.address.load(fromByteOffset: page, as: UInt64.self) == mark)
        }
        sum -= buffer.byteCount
        pool.free(buffer)
      } else {
        let isRun = random.next() % 50 == 0
        let wanted =
          isRun ? (2 << 20) + 1 + Int(random.next() % 1_000_000) : 1 + Int(random.next() % (256 << 10))
        let isSmall = random.next() % 4 == 0
        guard let buffer = pool.allocate(byteCount: wanted, isSmallHolder: isSmall, waiter: nil) else {
          continue
        }
        #expect(buffer.byteCount >= wanted)
        let mark = UInt64(step) << 8 | seed
        for page in stride(from: 0, to: buffer.byteCount, by: 4096) {
          unsafe buffer.address.storeBytes(of: mark, toByteOffset: page, as: UInt64.self)
        }
        sum += buffer.byteCount
        taken.append((buffer, mark))
        #expect(sum <= (isSmall ? pool.budget : pool.budget - pool.budget / 8))
      }
      #expect(pool.allocatedByteCount == sum)
    }
    for (buffer, _) in taken { pool.free(buffer) }
    #expect(pool.allocatedByteCount == 0)
    var whole: [BufferPool.Buffer] = []
    while let slab = pool.allocate(byteCount: 2 << 20, isSmallHolder: true, waiter: nil) {
      whole.append(slab)
    }
    #expect(whole.count == 4)
  }

  @Test("The last eighth is for small holders")
  func reserveIsForSmallHolders() throws {
    let pool = try BufferPool(budget: 4 << 20)
    while pool.allocate(byteCount: 4096, isSmallHolder: false, waiter: nil) != nil {}
    #expect(pool.allocatedByteCount == pool.budget - pool.budget / 8)
    while pool.allocate(byteCount: 4096, isSmallHolder: true, waiter: nil) != nil {}
    #expect(pool.allocatedByteCount == pool.budget)
  }

  @Test("Who finds no room is told once, however often it tried")
  func starvingAreToldOnce() throws {
    let pool = try BufferPool(budget: 2 << 20)
    let buffer = pool.allocate(byteCount: 2 << 20, isSmallHolder: true, waiter: nil)!
    let (a, b) = (CountingWaiter(), CountingWaiter())
    for _ in 0..<1000 {
      #expect(pool.allocate(byteCount: 4096, isSmallHolder: true, waiter: a) == nil)
      #expect(pool.allocate(byteCount: 3 << 20, isSmallHolder: true, waiter: b) == nil)
    }
    pool.free(buffer)
    for waiter in pool.takeStarving() { waiter.memoryWasFreed() }
    #expect(a.count.load(ordering: .relaxed) == 1)
    #expect(b.count.load(ordering: .relaxed) == 1)
    #expect(pool.takeStarving().isEmpty)
    #expect(pool.allocate(byteCount: 3 << 20, isSmallHolder: true, waiter: b) == nil)
    #expect(pool.takeStarving().count == 1)
  }

  @Test("Warming and cooling change no count of bytes, and cooled pages come back as zeros")
  func warmAndCool() throws {
    let pool = try BufferPool(budget: 8 << 20)
    pool.warm(upTo: 3)
    #expect(pool.warmSlabCount == 3)
    #expect(pool.allocatedByteCount == 0)
    let taken = (0..<4).compactMap { _ in pool.allocate(byteCount: 2 << 20, isSmallHolder: true, waiter: nil)
    }
    #expect(taken.count == 4 && pool.warmSlabCount == 0)
    for buffer in taken {
      unsafe buffer.address.storeBytes(of: 0xFF, as: UInt8.self)
      pool.free(buffer)
    }
    #expect(pool.warmSlabCount == 4)
    pool.cool(keeping: 1)
    #expect(pool.warmSlabCount == 1)
    pool.cool(keeping: 0)
    #expect(pool.warmSlabCount == 0)
    let again = (0..<4).compactMap { _ in pool.allocate(byteCount: 2 << 20, isSmallHolder: true, waiter: nil)
    }
    #expect(again.count == 4)
    #expect(again.allSatisfy { unsafe $0.address.load(as: UInt8.self) == 0 })
  }

  @Test("A run takes warm slabs' pages into account: what is resident stays within the budget")
  func runsCoolSlabs() throws {
    let pool = try BufferPool(budget: 8 << 20)
    pool.warm(upTo: 4)
    let run = pool.allocate(byteCount: 5 << 20, isSmallHolder: true, waiter: nil)
    #expect(run != nil)
    #expect(pool.allocatedByteCount + pool.warmSlabCount * (2 << 20) <= pool.budget)
  }

  @Test("A run that takes the place of warm slabs calls nobody: who allocates may hold a ring's lock")
  func runTrimsWarmSlabsWithoutCallingWaiters() throws {
    let pool = try BufferPool(budget: 16 << 20)
    pool.warm(upTo: 6)
    let waiter = CountingWaiter()
    #expect(pool.allocate(byteCount: 64 << 20, isSmallHolder: true, waiter: waiter) == nil)
    let run = try #require(pool.allocate(byteCount: 8 << 20, isSmallHolder: true, waiter: nil))
    #expect(pool.warmSlabCount == 4)
    #expect(waiter.count.load(ordering: .relaxed) == 0)
    #expect(pool.takeStarving().count == 1)
    pool.free(run)
  }
}

/// Random numbers that are the same in every run with the same seed.
struct RingRandom: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
