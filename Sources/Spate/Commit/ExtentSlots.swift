/// The slots of a committer, each made when it is first needed, at addresses that stay.
///
/// Not an array in a property: each look at a slot would then be a dynamic check for exclusive access, dozens a round.
@safe
struct ExtentSlots: @unchecked Sendable {
  // SAFETY: made with the committer, freed with it; used by who has its turn. `counter` says how many slots are initialized.
  private let base: UnsafeMutablePointer<ExtentSlot>
  private let counter: UnsafeMutablePointer<Int>
  let capacity: Int

  init(capacity: Int) {
    self.capacity = capacity
    unsafe base = .allocate(capacity: capacity)
    unsafe counter = .allocate(capacity: 1)
    unsafe counter.initialize(to: 0)
  }

  /// How many there are.
  var count: Int { unsafe counter.pointee }

  /// Adds one, of which there are fewer than `capacity`.
  func append(_ slot: ExtentSlot) {
    precondition(count < capacity)
    unsafe (base + count).initialize(to: slot)
    unsafe counter.pointee += 1
  }

  subscript(index: Int) -> ExtentSlot {
    @inline(__always)
    _read {
      precondition(index >= 0 && index < count)
      yield unsafe base[index]
    }
    @inline(__always)
    nonmutating _modify {
      precondition(index >= 0 && index < count)
      yield unsafe &base[index]
    }
  }

  func destroy() {
    for index in 0..<count { self[index].memory.destroy() }
    unsafe base.deinitialize(count: count)
    unsafe base.deallocate()
    unsafe counter.deallocate()
  }
}
