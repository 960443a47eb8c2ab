import Glibc

/// Bytes that are zero, and take no memory: the kernel has one page for all who only read such.
@safe
struct ZeroBytes: @unchecked Sendable {
  // SAFETY: mapped here, never written, freed by who made it.
  let address: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int) throws(SpateError) {
    let mapped = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
      throw SpateError(.resourceExhausted, "no memory to map \(byteCount) bytes", systemErrorNumber: errno)
    }
    unsafe address = mapped
    self.byteCount = byteCount
  }

  func free() { unsafe munmap(address, byteCount) }
}
