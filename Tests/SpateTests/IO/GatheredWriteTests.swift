import Glibc
import Testing

@testable import Spate

/// The progress of gathered writes, over every place where the kernel can stop.
struct GatheredWriteTests {
  /// Takes a write to its end; the kernel takes at most `step` bytes of what it is asked. Returns what it
  /// took.
  static func bytes(of blocks: IOBlocks, count: Int, step: Int, vectorLimit: Int, byteLimit: Int) -> [UInt8] {
    var write = unsafe GatheredWrite(blocks.vectors(0..<count), at: 1000)
    let remainder = UnsafeMutablePointer<iovec>.allocate(capacity: 1)
    unsafe remainder.initialize(to: iovec())
    defer { unsafe remainder.deallocate() }
    var taken: [UInt8] = []
    while !write.isComplete {
      #expect(write.offset == UInt64(1000 + taken.count))
      let next = unsafe write.next(remainder: remainder, vectorLimit: vectorLimit, byteLimit: byteLimit)
      var asked: [UInt8] = []
      for index in 0..<next.count {
        let vector = unsafe next[index]
        unsafe asked += UnsafeRawBufferPointer(start: vector.iov_base, count: vector.iov_len)
      }
      let count = next.count
      #expect(count >= 1 && count <= vectorLimit)
      #expect(asked.count >= 1 && asked.count <= byteLimit)
      let part = min(step, asked.count)
      taken += asked.prefix(part)
      write.advance(by: part)
      if taken.count > 1000 { break }
    }
    return taken
  }

  @Test func everyStopGoesOnAtTheNextByte() {
    let blocks = IOBlocks(count: 5, byteCount: 7)
    for empty in 0..<6 {
      let sizes = (0..<5).map { $0 == empty ? 0 : 7 - $0 }
      var expected: [UInt8] = []
      for index in 0..<5 {
        unsafe blocks.vectors[index].iov_len = sizes[index]
        expected += [UInt8](repeating: UInt8(index + 1), count: sizes[index])
      }
      for step in 1...40 {
        for vectorLimit in 1...6 {
          for byteLimit in [1, 3, 7, 8, 100] {
            let taken = Self.bytes(
              of: blocks,
              count: 5,
              step: step,
              vectorLimit: vectorLimit,
              byteLimit: byteLimit
            )
            #expect(taken == expected)
          }
        }
      }
    }
  }

  @Test func anAnswerBeyondTheEndIsTheEnd() {
    let blocks = IOBlocks(count: 2, byteCount: 8)
    var write = unsafe GatheredWrite(blocks.vectors(0..<2), at: 0)
    write.advance(by: 1000)
    #expect(write.isComplete)
  }
}
