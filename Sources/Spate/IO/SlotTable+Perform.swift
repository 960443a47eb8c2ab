import CSpate
import Glibc

// Operations that are performed by system calls, on the thread that asks for them.
extension SlotTable {
  /// Does one operation to its end; 0 or the errno. Blocks.
  func perform(_ index: Int, _ limits: WriteLimits) -> Int32 {
    if let result = self[index].immediateResult { return result }
    while true {
      let result = call(index, limits)
      switch self[index].take(result, limits: limits) {
      case .ended(let error): return error
      case .again: if result == -Int(EAGAIN) { sched_yield() }
      }
    }
  }

  /// One system call: a byte count, or a negative errno.
  private func call(_ index: Int, _ limits: WriteLimits) -> Int {
    let descriptor = self[index].descriptor
    if self[index].step == .sync { return Int(spate_fdatasync(descriptor)) }
    // SAFETY: the vectors and the memory they name live until the completion, by the protocol's contract.
    let vectors = unsafe vectors(index, limits)
    return unsafe Int(
      spate_pwritev(
        descriptor,
        vectors.baseAddress,
        Int32(vectors.count),
        self[index].write.offset,
        self[index].isDurable ? 1 : 0
      )
    )
  }
}
