import Testing

@testable import Spate

@Suite("Ring: the claim word")
struct ClaimWordTests {
  @Test("An add moves offset and count exactly, for every capacity, and leaves the capacity alone")
  func addsAreExact() {
    for capacity in stride(from: 4096, through: ClaimWord.maximalCapacity, by: 4096) {
      var word = ClaimWord(openAt: 80, capacity: capacity)
      var offset = 80
      var count: UInt64 = 0
      for (size, records) in [(32, 1), (40, 1), (4096, 128), (1 << 17, 4096), (0, 0)] {
        #expect(word.byteOffset == offset)
        #expect(word.sequenceOffset == count)
        #expect(word.capacity == capacity)
        word.bits &+= ClaimWord.delta(byteCount: size, sequenceCount: records)
        offset += size
        count += UInt64(records)
      }
      #expect(word.byteOffset == offset && word.sequenceOffset == count && word.capacity == capacity)
    }
  }

  @Test("The most records that the largest chunk can hold fit the count")
  func countFits() {
    var word = ClaimWord(openAt: 80, capacity: ClaimWord.maximalCapacity)
    while word.byteOffset + FrameHeader.byteCount <= word.capacity {
      word.bits &+= ClaimWord.delta(byteCount: FrameHeader.byteCount, sequenceCount: 1)
    }
    #expect(word.sequenceOffset == UInt64((ClaimWord.maximalCapacity - 80) / FrameHeader.byteCount))
    #expect(word.byteOffset <= word.capacity && word.capacity == ClaimWord.maximalCapacity)
  }

  @Test("A closed word fits nothing and closes nothing, also after a million late adds")
  func closedStaysClosed() {
    var word = ClaimWord.closed
    for _ in 0..<1_000_000 {
      #expect(word.capacity == 0 && word.byteOffset > ClaimWord.maximalCapacity)
      word.bits &+= ClaimWord.delta(byteCount: 1 << 15, sequenceCount: 1024)
    }
  }

  @Test("Losers' counts that carry into the offset only move it further beyond the capacity")
  func carriesStayBeyond() {
    var word = ClaimWord(openAt: 80, capacity: 1 << 20)
    word.bits &+= ClaimWord.delta(byteCount: 1 << 20, sequenceCount: 1)
    for _ in 0..<100_000 {
      let before = word.byteOffset
      word.bits &+= ClaimWord.delta(byteCount: 1 << 17, sequenceCount: 4096)
      #expect(word.byteOffset > before && word.capacity == 1 << 20)
    }
  }
}
