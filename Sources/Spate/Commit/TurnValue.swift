/// A value of the holder of the committer's turn, at an address of its own: in a property of a class each look at it would be
/// a dynamic check for exclusive access, dozens a round.
@safe
struct TurnValue<Value>: @unchecked Sendable {
  // SAFETY: made and destroyed with the object that it is a part of, used by who has the turn. INVARIANT: no access begins
  // within another one that changes it: what is changed is a single field or one call of the standard library.
  private let pointer: UnsafeMutablePointer<Value>

  init(_ value: Value) {
    unsafe pointer = .allocate(capacity: 1)
    unsafe pointer.initialize(to: value)
  }

  var value: Value {
    @inline(__always)
    _read { yield unsafe pointer.pointee }
    @inline(__always)
    nonmutating _modify { yield unsafe &pointer.pointee }
  }

  func destroy() {
    unsafe pointer.deinitialize(count: 1)
    unsafe pointer.deallocate()
  }
}
