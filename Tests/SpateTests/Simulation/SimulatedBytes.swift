import Glibc

@testable import Spate

/// The bytes of a simulated file, zeros at first. They stay where they are as long as somebody maps them.
@safe
final class SimulatedBytes {
  /// A piece of memory at a page's beginning.
  @safe
  final class Block {
    // SAFETY: owned by this object, `byteCount` bytes, freed with it.
    let address: UnsafeMutableRawPointer
    let byteCount: Int

    init(byteCount: Int) {
      self.byteCount = max(4096, Format.alignUp(byteCount, to: 4096))
      unsafe address = .allocate(byteCount: self.byteCount, alignment: 4096)
      unsafe address.initializeMemory(as: UInt8.self, repeating: 0, count: self.byteCount)
    }

    deinit { unsafe address.deallocate() }
  }

  private(set) var block: Block
  private(set) var count: Int

  init(count: Int = 0) {
    block = Block(byteCount: count)
    self.count = count
  }

  /// A copy that shares nothing.
  init(copying other: SimulatedBytes) {
    block = Block(byteCount: other.count)
    count = other.count
    unsafe block.address.copyMemory(from: other.block.address, byteCount: count)
  }

  /// Makes the file at least so long.
  func extend(to newCount: Int) {
    guard newCount > count else { return }
    if newCount > block.byteCount {
      let larger = Block(byteCount: max(newCount, 2 * block.byteCount))
      unsafe larger.address.copyMemory(from: block.address, byteCount: count)
      block = larger
    }
    count = newCount
  }

  /// Puts bytes at an offset, extending the file as far as they reach.
  ///
  /// SAFETY: `bytes` are readable.
  @unsafe
  func put(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    extend(to: offset + bytes.count)
    unsafe (block.address + offset).copyMemory(from: source, byteCount: bytes.count)
  }

  /// The bytes of a range, for reading at once.
  ///
  /// SAFETY: valid until the next change of the length.
  @unsafe
  func region(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    precondition(range.upperBound <= count)
    return unsafe UnsafeRawBufferPointer(start: block.address + range.lowerBound, count: range.count)
  }

  /// Turns one bit over.
  func flip(bit: Int, at offset: Int) {
    precondition(offset < count)
    unsafe block.address.storeBytes(
      of: block.address.load(fromByteOffset: offset, as: UInt8.self) ^ (1 << UInt8(bit & 7)),
      toByteOffset: offset,
      as: UInt8.self
    )
  }
}
