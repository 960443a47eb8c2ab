import Synchronization
import Testing

@testable import Spate

/// What cursors hold of the ring, in the books of the store.
@Suite struct PinLedgerTests {
  @Test func aChunkIsBookedOnceAndGivenBackByItsLastHolder() throws {
    let fixture = try RingFixture()
    fixture.publish(try #require(fixture.claim(1000)))
    let chunk = try #require(fixture.ring.oldestChunk)
    let ledger = PinLedger(limit: chunk.bufferByteCount)
    for _ in 0..<3 { #expect(ledger.take(chunk)) }
    for _ in 0..<2 {
      #expect(ledger.byteCount == chunk.bufferByteCount)
      ledger.giveBack(chunk)
    }
    #expect(ledger.byteCount == chunk.bufferByteCount)
    ledger.giveBack(chunk)
    #expect(ledger.byteCount == 0)
  }

  @Test func manyThreadsNeverBookBeyondTheLimitAndLeaveNothing() throws {
    let fixture = try RingFixture(maximalChunk: 4096)
    for _ in 0..<40 { fixture.publish(try #require(fixture.claim(1000))) }
    let chunks = fixture.chunks
    try #require(chunks.count >= 6)
    // Room for two of six: half of all takes are refused, and the chunks' first and last holders change all the time.
    let ledger = PinLedger(limit: 2 * 4096)
    let (overbooked, taken, refused) = (Shared(), Shared(), Shared())
    let threads = try (0..<4).map { seed in
      try EngineThread(name: "take") {
        var random = RingRandom(UInt64(seed) + 1)
        for _ in 0..<20_000 {
          let chunk = chunks[Int(random.next() % 6)]
          if ledger.take(chunk) {
            taken.add()
            let byteCount = ledger.byteCount
            if byteCount > ledger.limit || byteCount < chunk.bufferByteCount { overbooked.add() }
            ledger.giveBack(chunk)
          } else {
            refused.add()
          }
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(overbooked.count == 0)
    #expect(taken.count > 0 && taken.count + refused.count == 80_000)
    #expect(ledger.byteCount == 0)
    for chunk in chunks.prefix(6) {
      #expect(ledger.take(chunk))
      ledger.giveBack(chunk)
    }
  }

  private final class Shared: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.wrappingAdd(1, ordering: .relaxed) }
  }
}
