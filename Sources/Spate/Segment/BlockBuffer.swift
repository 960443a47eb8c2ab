/// Block-aligned memory of one owner, for header, footer and scan reads and for direct writes. Freed with its
/// owner; used by one thread at a time.
@safe
final class BlockBuffer {
  // SAFETY: allocated here, freed in `deinit`, never handed out but to closures and to a `Storage` call.
  private let memory: UnsafeMutableRawBufferPointer

  /// How many bytes there are.
  let byteCount: Int

  /// Memory of `byteCount` bytes, aligned to `alignment`.
  ///
  /// - Parameter isZeroed: false for memory that is only looked at where something was read into it: the first touch of a
  ///   large buffer takes longer than a read from the page cache.
  init(byteCount: Int, alignment: Int, isZeroed: Bool = true) {
    self.byteCount = byteCount
    unsafe memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: alignment)
    if isZeroed { clear() }
  }

  deinit { unsafe memory.deallocate() }

  /// The bytes, for as long as the buffer lives.
  ///
  /// SAFETY: the caller keeps the buffer alive and shares it with nobody meanwhile.
  @unsafe
  var bytes: UnsafeMutableRawBufferPointer { unsafe memory }

  /// Zeroes everything.
  func clear() { unsafe memory.initializeMemory(as: UInt8.self, repeating: 0) }
}
