import Glibc

/// A fixed table of operations in flight, with a free list. One thread.
///
/// SAFETY: owns the memory of slots and remainders from initialization to `deallocate`; it does not move.
/// Every number is checked before it becomes an address: those that the kernel gives back by ``isUsed(_:)``,
/// the others by the subscript.
@safe
struct SlotTable {
  private let slots: UnsafeMutablePointer<IOSlot>
  /// For each slot, the vector that the kernel reads when a write goes on inside one of the caller's.
  private let remainders: UnsafeMutablePointer<iovec>
  private var firstFree: Int32 = 0

  /// How many slots there are.
  let capacity: Int

  /// How many are taken.
  private(set) var usedCount = 0

  /// Allocates `capacity` slots, at least one.
  init(capacity: Int) {
    self.capacity = max(1, capacity)
    unsafe slots = UnsafeMutablePointer<IOSlot>.allocate(capacity: self.capacity)
    unsafe slots.initialize(repeating: IOSlot(), count: self.capacity)
    unsafe remainders = UnsafeMutablePointer<iovec>.allocate(capacity: self.capacity)
    unsafe remainders.initialize(repeating: iovec(), count: self.capacity)
    for index in 0..<self.capacity {
      self[index].next = index + 1 < self.capacity ? Int32(index + 1) : -1
    }
  }

  /// A slot.
  subscript(index: Int) -> IOSlot {
    _read {
      precondition(index >= 0 && index < capacity, "no such slot")
      yield unsafe slots[index]
    }
    nonmutating _modify {
      precondition(index >= 0 && index < capacity, "no such slot")
      yield unsafe &slots[index]
    }
  }

  /// Takes a free slot; nil when none is.
  mutating func take() -> Int? {
    guard firstFree >= 0 else { return nil }
    let index = Int(firstFree)
    firstFree = self[index].next
    self[index].next = -1
    usedCount += 1
    return index
  }

  /// Frees a slot that was taken.
  mutating func free(_ index: Int) {
    self[index].step = .free
    self[index].next = firstFree
    firstFree = Int32(index)
    usedCount -= 1
  }

  /// Whether there is a slot of this number, and it is taken.
  func isUsed(_ number: UInt64) -> Bool {
    number < UInt64(capacity) && self[Int(number)].step != .free
  }

  /// What to write next for the slot. Valid until the slot's next step.
  func vectors(_ index: Int, _ limits: WriteLimits) -> UnsafeBufferPointer<iovec> {
    // SAFETY: both arrays have `capacity` elements; the subscript checks the index first.
    unsafe self[index].write.next(
      remainder: remainders + index,
      vectorLimit: limits.vectorCount,
      byteLimit: limits.byteCount
    )
  }

  /// Frees the memory. The table is of no use afterwards.
  func deallocate() {
    unsafe slots.deallocate()
    unsafe remainders.deallocate()
  }
}
