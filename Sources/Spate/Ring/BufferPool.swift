import CSpate
import Glibc
import Synchronization

/// The memory of a store: page-aligned buffers out of one budget.
///
/// The budget is one reserved range of addresses, cut into slabs of 2 MiB, a huge page where the system has
/// them (direct writes pin pages, and pinning one is cheaper than pinning 512); each slab is a buddy
/// system of blocks from 4 KiB up. Larger buffers (runs) are mapped on their own and counted against
/// the same budget. Any thread may allocate and free; one short lock guards the books, and it is taken
/// once a chunk, not once a record.
///
/// INVARIANT: bytes handed out never exceed the budget, and pages that are resident but free belong
/// to `warm` slabs only, which ``cool(keeping:)`` gives back to the system.
final class BufferPool: Sendable {
  /// One buffer: an address and what the pool charged for it.
  @safe
  struct Buffer: @unchecked Sendable {
    // SAFETY: the holder owns the bytes until it frees the buffer; the pool never touches them meanwhile.
    let address: UnsafeMutableRawPointer
    let byteCount: Int
  }

  static let slabByteCount = 2 << 20
  static let smallestByteCount = 4096
  /// MADV_POPULATE_WRITE, Linux 5.14.
  private static let populateWrite: Int32 = 23
  private static let orderCount = 10
  private static let nodeCount = 1023

  /// The bound in bytes.
  let budget: Int
  private let base: Buffer
  private let mapping: Buffer
  private let state: Mutex<Books>
  private let isShortOfWarm = Atomic<Bool>(false)
  private let lent = Atomic<Int>(0)

  private struct Books {
    /// One tree of 1023 nodes a slab: the order + 1 of the largest free block below the node, 0 when none.
    var trees: [UInt8]
    /// Whole free slabs with resident pages; the last one is the most recently used.
    var warm: [Int32] = []
    /// Whole free slabs without pages.
    var cold: [Int32]
    /// Slabs that are split and not full, unordered.
    var split: [Int32] = []
    var allocatedByteCount = 0
    var starving: [any BufferWaiter] = []
    /// Who stands in `starving`: a producer that tries again and again is listed once.
    var starvingIdentifiers: Set<ObjectIdentifier> = []
    var peakByteCount = 0
    var tookWhole = false

    mutating func noteStarving(_ waiter: (any BufferWaiter)?) {
      guard let waiter, starvingIdentifiers.insert(ObjectIdentifier(waiter)).inserted else { return }
      starving.append(waiter)
    }
  }

  /// Reserves addresses for `budget` bytes, rounded up to whole slabs; no memory is touched.
  init(budget: Int) throws(SpateError) {
    let slabCount = max(1, (budget + Self.slabByteCount - 1) / Self.slabByteCount)
    self.budget = slabCount * Self.slabByteCount
    mapping = try Self.mapped(byteCount: (slabCount + 1) * Self.slabByteCount)
    let aligned = unsafe Format.alignUp(Int(bitPattern: mapping.address), to: Self.slabByteCount)
    base = unsafe Buffer(
      address: mapping.address + (aligned - Int(bitPattern: mapping.address)),
      byteCount: slabCount * Self.slabByteCount
    )
    // Advice: a system without huge pages says no, and small ones do.
    _ = unsafe madvise(base.address, base.byteCount, Int32(MADV_HUGEPAGE))
    var trees = [UInt8](repeating: 0, count: slabCount * Self.nodeCount)
    for slab in 0..<slabCount { Self.resetTree(&trees, slab) }
    state = Mutex(Books(trees: trees, cold: (0..<Int32(slabCount)).reversed()))
  }

  deinit {
    _ = unsafe munmap(mapping.address, mapping.byteCount)
  }

  /// Takes a buffer of at least `byteCount` bytes; where the budget has no room for it, the largest there is of at
  /// least `minimum`, or nil.
  ///
  /// So the budget is used up before anybody is held back, whatever the size that he would have liked.
  /// A holder of at most one buffer (`isSmallHolder`) may use the last eighth of the budget; others may not,
  /// so one queue cannot starve the rest. When there is no room, `waiter` is told once by ``takeStarving()``
  /// after a free. The buffer's content is whatever its last holder left.
  /// - Complexity: O(log n) in the slab size, plus O(slabs) when no split slab has room; as often as `minimum` can be
  ///   doubled up to `byteCount`.
  func allocate(byteCount: Int, atLeast minimum: Int? = nil, isSmallHolder: Bool, waiter: (any BufferWaiter)?)
    -> Buffer?
  {
    var wanted = Self.charge(byteCount)
    let smallest = Self.charge(minimum ?? byteCount)
    let isRun = wanted > Self.slabByteCount
    let offset: Int? = state.withLock { books in
      let limit = isSmallHolder ? budget : budget - budget / 8
      var found: Int?
      while true {
        if books.allocatedByteCount + wanted <= limit {
          found = isRun ? 0 : Self.takeBlock(&books, wanted)
        }
        if found != nil || isRun || wanted / 2 < smallest { break }
        wanted /= 2
      }
      guard let found else {
        books.noteStarving(waiter)
        return nil
      }
      if books.tookWhole, books.warm.count < Self.warmReserve {
        isShortOfWarm.store(true, ordering: .relaxed)
      }
      books.tookWhole = false
      books.allocatedByteCount += wanted
      books.peakByteCount = max(books.peakByteCount, books.allocatedByteCount)
      return found
    }
    guard let offset else { return nil }
    if !isRun { return unsafe Buffer(address: base.address + offset, byteCount: wanted) }
    if let buffer = try? Self.mapped(byteCount: wanted) {
      trimWarm()
      return buffer
    }
    state.withLock { books in
      books.allocatedByteCount -= wanted
      books.noteStarving(waiter)
    }
    return nil
  }

  /// Gives a buffer back. Nobody may read or write its bytes from here on.
  func free(_ buffer: Buffer) {
    let isRun = buffer.byteCount > Self.slabByteCount
    if isRun { _ = unsafe munmap(buffer.address, buffer.byteCount) }
    state.withLock { books in
      books.allocatedByteCount -= buffer.byteCount
      if !isRun {
        let offset = unsafe buffer.address - base.address
        Self.giveBlock(&books, offset: offset, byteCount: buffer.byteCount)
      }
    }
  }

  /// Those who found no room since the last call, once each. The caller tells them that there may be some
  /// now.
  func takeStarving() -> [any BufferWaiter] {
    state.withLock { books in
      guard !books.starving.isEmpty else { return [] }
      let all = books.starving
      books.starving.removeAll(keepingCapacity: true)
      books.starvingIdentifiers.removeAll(keepingCapacity: true)
      return all
    }
  }

  /// Bytes of chunks that left their ring and that only cursors and batches hold.
  var lentByteCount: Int {
    // ORDERING: relaxed: a count to plan with.
    lent.load(ordering: .relaxed)
  }

  /// Counts a chunk that left its ring while pins hold it, or, with a negative count, whose last pin went. With
  /// that ring's lock held, so that the second comes behind the first.
  func countLent(_ byteCount: Int) { lent.wrappingAdd(byteCount, ordering: .relaxed) }

  /// Bytes handed out now.
  var allocatedByteCount: Int { state.withLock { $0.allocatedByteCount } }

  /// The most that was handed out at a time.
  var peakByteCount: Int { state.withLock { $0.peakByteCount } }

  /// Whether slabs should be warmed: a whole one was taken, and few are left. Says so once. Any thread.
  func takeWarmRequest() -> Bool {
    isShortOfWarm.load(ordering: .relaxed) && isShortOfWarm.exchange(false, ordering: .relaxed)
  }

  /// How many warm slabs are kept ahead of producers while they take more.
  static let warmReserve = 3

  /// How many free slabs have resident pages.
  var warmSlabCount: Int { state.withLock { $0.warm.count } }

  /// Touches the pages of free slabs until `count` of them are resident, so that producers meet no page
  /// faults. Blocks; for the housekeeping thread.
  func warm(upTo count: Int) {
    while true {
      let slab: Int32? = state.withLock { books in
        let resident =
          books.allocatedByteCount + (books.warm.count + 1) * Self.slabByteCount
        guard books.warm.count < count, resident <= budget else { return nil }
        return books.cold.popLast()
      }
      guard let slab else { return }
      let address = unsafe base.address + Int(slab) * Self.slabByteCount
      _ = unsafe madvise(address, Self.slabByteCount, Self.populateWrite)
      state.withLock { $0.warm.append(slab) }
      tellStarving()
    }
  }

  /// Gives the pages of all but `count` free slabs back to the system.
  func cool(keeping count: Int) {
    while true {
      let slab: Int32? = state.withLock { books in
        // The first one is the one that was not used for longest.
        books.warm.count > count ? books.warm.removeFirst() : nil
      }
      guard let slab else { return }
      discard(slab)
    }
  }

  /// Keeps residency within the budget after a run was mapped beside warm slabs.
  ///
  /// Under the books' lock throughout: who allocates may hold the lock of a ring, so nobody can be told here that a
  /// slab was away for a moment. Runs are rare, and this is short.
  private func trimWarm() {
    state.withLock { books in
      while !books.warm.isEmpty,
        books.allocatedByteCount + books.warm.count * Self.slabByteCount > budget
      {
        let slab = books.warm.removeFirst()
        let address = unsafe base.address + Int(slab) * Self.slabByteCount
        _ = unsafe madvise(address, Self.slabByteCount, Int32(MADV_DONTNEED))
        books.cold.append(slab)
      }
    }
  }

  private func discard(_ slab: Int32) {
    let address = unsafe base.address + Int(slab) * Self.slabByteCount
    _ = unsafe madvise(address, Self.slabByteCount, Int32(MADV_DONTNEED))
    state.withLock { $0.cold.append(slab) }
    tellStarving()
  }

  /// Who asked while a free slab was with the system found no room: there may be some now.
  private func tellStarving() {
    for waiter in takeStarving() { waiter.memoryWasFreed() }
  }

  /// What a request is charged: a power of two up to a slab, whole pages beyond.
  private static func charge(_ byteCount: Int) -> Int {
    if byteCount > slabByteCount { return (byteCount + 4095) & ~4095 }
    var size = smallestByteCount
    while size < byteCount { size <<= 1 }
    return size
  }

  private static func mapped(byteCount: Int) throws(SpateError) -> Buffer {
    let address = unsafe mmap(
      nil,
      byteCount,
      PROT_READ | PROT_WRITE,
      Int32(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE),
      -1,
      0
    )
    guard let address = unsafe address, unsafe address != UnsafeMutableRawPointer(bitPattern: -1) else {
      throw SpateError(
        .resourceExhausted,
        "no address space for \(byteCount) bytes of buffers; lower the memory budget or raise the limit",
        systemErrorNumber: errno
      )
    }
    return unsafe Buffer(address: address, byteCount: byteCount)
  }
}

/// Somebody who waits for memory: told when some was freed.
protocol BufferWaiter: AnyObject, Sendable {
  /// Called outside the pool's lock, by the thread that freed memory.
  func memoryWasFreed()
}

// The buddy system. A node's value is the order + 1 of the largest free block below it.
extension BufferPool {
  private static func resetTree(_ trees: inout [UInt8], _ slab: Int) {
    let start = slab * nodeCount
    var node = 0
    for level in 0..<orderCount {
      for _ in 0..<(1 << level) {
        trees[start + node] = UInt8(orderCount - level)
        node += 1
      }
    }
  }

  private static func order(_ byteCount: Int) -> Int {
    (byteCount / smallestByteCount).trailingZeroBitCount
  }

  /// Takes a block from a split slab if one has room, else from a whole one. Returns its byte offset.
  private static func takeBlock(_ books: inout Books, _ byteCount: Int) -> Int? {
    let need = UInt8(order(byteCount) + 1)
    if need < UInt8(orderCount) {
      for index in books.split.indices.reversed()
      where books.trees[Int(books.split[index]) * nodeCount] >= need {
        let slab = Int(books.split[index])
        let offset = takeBlock(&books.trees, slab, need)
        if books.trees[slab * nodeCount] == 0 {
          books.split.swapAt(index, books.split.count - 1)
          books.split.removeLast()
        }
        return offset
      }
    }
    guard let slab = books.warm.popLast() ?? books.cold.popLast() else { return nil }
    books.tookWhole = true
    let offset = takeBlock(&books.trees, Int(slab), need)
    if books.trees[Int(slab) * nodeCount] != 0 { books.split.append(slab) }
    return offset
  }

  private static func takeBlock(_ trees: inout [UInt8], _ slab: Int, _ need: UInt8) -> Int {
    let start = slab * nodeCount
    var node = 0
    var value = UInt8(orderCount)
    while value > need {
      node = 2 * node + 1
      if trees[start + node] < need { node += 1 }
      value -= 1
    }
    trees[start + node] = 0
    let depth = orderCount - Int(need)
    let offset = (node - (1 << depth - 1)) << (Int(need) - 1)
    while node > 0 {
      node = (node - 1) / 2
      trees[start + node] = max(trees[start + 2 * node + 1], trees[start + 2 * node + 2])
    }
    return slab * slabByteCount + offset * smallestByteCount
  }

  private static func giveBlock(_ books: inout Books, offset: Int, byteCount: Int) {
    let slab = offset / slabByteCount
    let start = slab * nodeCount
    let need = order(byteCount) + 1
    let wasFull = books.trees[start] == 0
    let depth = orderCount - need
    var node = (1 << depth - 1) + (offset % slabByteCount) / byteCount
    var value = UInt8(need)
    books.trees[start + node] = value
    while node > 0 {
      node = (node - 1) / 2
      value += 1
      let left = books.trees[start + 2 * node + 1]
      let right = books.trees[start + 2 * node + 2]
      books.trees[start + node] = left == right && left == value - 1 ? value : max(left, right)
    }
    let isWhole = books.trees[start] == UInt8(orderCount)
    if isWhole {
      if !wasFull, let index = books.split.firstIndex(of: Int32(slab)) {
        books.split.swapAt(index, books.split.count - 1)
        books.split.removeLast()
      }
      books.warm.append(Int32(slab))
    } else if wasFull {
      books.split.append(Int32(slab))
    }
  }
}
